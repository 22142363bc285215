/* gguf_metadata: what a GGUF file says of its model and its tokenizer, under llama.cpp's keys
 * (gguf-py/gguf/constants.py and docs/gguf.md there). */
#ifndef TRAINER_TRAINING_GGUF_METADATA_H
#define TRAINER_TRAINING_GGUF_METADATA_H

#include "base/json.h"
#include "checkpoints/gguf_writer.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/model/model.h"

/* general.* and those of the architecture. `type` is that of the matrices. */
void gguf_put_model(struct gguf_writer *writer, const struct model_config *config, const char *name,
                    enum gguf_type type);

/* tokenizer.*, for a model whose config.json (`json`) may name the tokens that begin and end a
 * text. NULL: the model has none. Bad input where llama.cpp cannot cut or
 * merge text so. */
enum status gguf_put_tokenizer(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                               const struct model_config *config, const struct json *json);

#endif
