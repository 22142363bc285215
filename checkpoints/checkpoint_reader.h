/* checkpoint_reader: what the rest of checkpoints/ asks of an open checkpoint. */
#ifndef CHECKPOINTS_CHECKPOINT_READER_H
#define CHECKPOINTS_CHECKPOINT_READER_H

#include "checkpoints/checkpoint.h"
#include "checkpoints/manifest.h"
#include "checkpoints/tensor_index.h"

/* File number `file` in place file % CHECKPOINT_OPEN_FILES, so that ranges in turn over the files
 * of some ranks open each once. */
enum { CHECKPOINT_OPEN_FILES = 64 };
struct open_file {
    int64_t file; /* -1: none */
    int descriptor;
};

struct checkpoint {
    char *folder;
    struct manifest manifest;
    struct json *state;
    struct safetensors_reader *readers; /* [file_count], those of tensor files are open */
    struct tensor_index index;
    struct open_file open_files[CHECKPOINT_OPEN_FILES]; /* there may be thousands: the last ones */
    bool checks_reads;
    struct span_list reads; /* bytes of tensors, since checkpoint_begin_checked */
};

char *checkpoint_file_path(const struct checkpoint *checkpoint, int64_t file);
const struct manifest *checkpoint_manifest(const struct checkpoint *checkpoint);
const struct tensor_index *checkpoint_tensors(const struct checkpoint *checkpoint);

#endif
