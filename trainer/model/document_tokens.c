#include "trainer/model/document_tokens.h"

#define BEGIN_KEY "bos_token_id"
#define END_KEY   "eos_token_id"

/* Models that were made small keep the ids of the large vocabulary. */
static enum status parse_id(const struct json *value, const char *key, const char *source,
                            int64_t vocab_size, struct document_tokens *tokens, bool *has_id,
                            int32_t *id)
{
    *has_id = false;
    if (json_kind_of(value) == JSON_KIND_NULL)
        return STATUS_OK;
    if (json_kind_of(value) != JSON_KIND_INTEGER)
        return bad_input("cannot use '%s': %s is no token id", source, key);
    *has_id = json_integer_of(value) >= 0 && json_integer_of(value) < vocab_size;
    if (*has_id)
        *id = (int32_t)json_integer_of(value);
    else
        tokens->left_out = key;
    return STATUS_OK;
}

static enum status add_end(const struct json *value, const char *source, int64_t vocab_size,
                           struct document_tokens *tokens)
{
    bool has_id;
    int32_t id = 0;
    TRY(parse_id(value, END_KEY, source, vocab_size, tokens, &has_id, &id));
    if (!has_id)
        return STATUS_OK;
    if (tokens->end_count == DOCUMENT_ENDS_MAX)
        return bad_input("cannot use '%s': " END_KEY " has more than %d ids", source,
                         DOCUMENT_ENDS_MAX);
    tokens->ends[tokens->end_count++] = id;
    return STATUS_OK;
}

enum status document_tokens_parse(const struct json *config, const char *source, int64_t vocab_size,
                                  struct document_tokens *out)
{
    const struct json *begin = json_member(config, BEGIN_KEY), *end = json_member(config, END_KEY);
    *out = (struct document_tokens){ .end_count = 0 };
    if (begin)
        TRY(parse_id(begin, BEGIN_KEY, source, vocab_size, out, &out->has_begin, &out->begin));
    if (end && json_kind_of(end) != JSON_KIND_ARRAY)
        return add_end(end, source, vocab_size, out);
    for (int64_t i = 0; end && i < json_length(end); i++)
        TRY(add_end(json_item(end, i), source, vocab_size, out));
    return STATUS_OK;
}

void document_tokens_put(const struct document_tokens *tokens, struct json *config)
{
    json_put_null(config, BEGIN_KEY);
    json_put_null(config, END_KEY);
    if (tokens->has_begin)
        json_put_integer(config, BEGIN_KEY, tokens->begin);
    if (tokens->end_count == 1)
        json_put_integer(config, END_KEY, tokens->ends[0]);
    if (tokens->end_count < 2)
        return;
    struct json *ends = json_new_array();
    for (int i = 0; i < tokens->end_count; i++)
        json_append_integer(ends, tokens->ends[i]);
    json_put(config, END_KEY, ends);
}

bool document_tokens_end_with(const struct document_tokens *tokens, int32_t token)
{
    for (int i = 0; i < tokens->end_count; i++)
        if (tokens->ends[i] == token)
            return true;
    return false;
}
