/* huggingface_keys: which members of a config.json eon knows, beside those that it computes with.
 *
 * A key that is not known may change what the model computes; so it is refused by its name.
 */
#ifndef TRAINER_MODEL_HUGGINGFACE_KEYS_H
#define TRAINER_MODEL_HUGGINGFACE_KEYS_H

#include "base/json.h"
#include "trainer/model/model.h"

/* Bad input where a key is not known, or has another value than the one that eon computes. */
enum status huggingface_keys_check(const struct json *config, enum model_family family,
                                   const char *source);

#endif
