/* model_import: a Hugging Face model's folder, written as a checkpoint of step 0.
 *
 *   FOLDER/                       RUN/checkpoints/step-00000000/
 *     config.json                   config.json, as eon writes it
 *     model*.safetensors            model*.safetensors: float32 under eon's names, as many
 *                                   files, with their index
 *     tokenizer.json, or            tokenizer.json, tokenizer_config.json; neither where eon
 *     vocab.json and merges.txt     does not read it
 *                                   state.json: {"digested": ..., "imported_from": FOLDER}
 *
 * The folder may be hostile. Everything about it is checked before anything is written; weights
 * pass through in blocks, so that memory does not grow with the model.
 */
#ifndef TRAINER_TRAINING_MODEL_IMPORT_H
#define TRAINER_TRAINING_MODEL_IMPORT_H

#include "base/json.h"
#include "base/strbuf.h"
#include "trainer/model/model.h"

struct model_import_report {
    struct model_config config;
    int64_t parameters, files;  /* files that hold weights */
    struct strbuf no_tokenizer; /* why there is none; empty: there is one */
};

/* Local. `run` may be a folder that has no checkpoints yet; after an error it is as before, but for
 * its lock. On success the caller releases the report. */
enum status model_import(const char *folder, const char *run, struct model_import_report *report);
void model_import_report_release(struct model_import_report *report);

/* Whether a checkpoint's state.json is that of an imported model: no run's, which could go on. */
bool model_is_imported(const struct json *state);

#endif
