/* gguf_export: a checkpoint's model and tokenizer as one GGUF file, for llama.cpp. docs/export.md.
 */
#ifndef TRAINER_TRAINING_GGUF_EXPORT_H
#define TRAINER_TRAINING_GGUF_EXPORT_H

#include "checkpoints/gguf_types.h"
#include "base/status.h"

struct gguf_export_request {
    const char *checkpoint_or_run, *out;
    const char *name;    /* general.name; "": the last part of checkpoint_or_run */
    enum gguf_type type; /* of matrices */
};

struct gguf_export_report {
    int64_t step;
    int64_t tensors, f32_tensors; /* of these: vectors and positions, where the type is another */
    int64_t f16_instead;          /* matrices whose rows are no whole blocks of the type */
    int64_t tokens;               /* of the vocabulary; 0: the checkpoint has no tokenizer */
    int64_t bytes;
};

/* Local. Memory: a block of rows, or one matrix of a layer where it is to be transposed, twice and
 * in its new type; and the tokenizer. Nothing is put at `out` before it has been read back. */
enum status gguf_export(const struct gguf_export_request *request,
                        struct gguf_export_report *report);

#endif
