/* huggingface_config: a model's config.json, as transformers reads and writes it
 * for GPT2LMHeadModel and LlamaForCausalLM. */
#ifndef TRAINER_MODEL_HUGGINGFACE_CONFIG_H
#define TRAINER_MODEL_HUGGINGFACE_CONFIG_H

#include "base/json.h"
#include "trainer/model/model.h"

/* `end_of_text` is the id that opens and ends a document. Freed by the caller with json_free. */
struct json *huggingface_config_print(const struct model_config *config, int32_t end_of_text);

/* What eon does not compute (another architecture, activation, scaling of RoPE) is bad input that
 * names the key, and so is a key that eon does not know (huggingface_keys.h). What is absent is
 * what transformers takes then. `source` is for messages. */
enum status huggingface_config_parse(const struct json *json, const char *source,
                                     struct model_config *config);

#endif
