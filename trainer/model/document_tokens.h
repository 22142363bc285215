/* document_tokens: the ids that open and end a document, as a model's config.json says:
 * bos_token_id, and eos_token_id, which may be a list. */
#ifndef TRAINER_MODEL_DOCUMENT_TOKENS_H
#define TRAINER_MODEL_DOCUMENT_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

enum { DOCUMENT_ENDS_MAX = 16 };

struct document_tokens {
    bool has_begin;
    int32_t begin;
    int32_t ends[DOCUMENT_ENDS_MAX];
    int end_count;
    const char *left_out; /* a key that named an id beyond the vocabulary; or NULL */
};

enum status document_tokens_parse(const struct json *config, const char *source, int64_t vocab_size,
                                  struct document_tokens *out);
/* Puts the two keys into a config. */
void document_tokens_put(const struct document_tokens *tokens, struct json *config);

bool document_tokens_end_with(const struct document_tokens *tokens, int32_t token);

#endif
