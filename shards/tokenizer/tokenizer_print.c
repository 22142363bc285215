/* tokenizer_print: writing of tokenizer.json, as `tokenizers` and `transformers`
 * read it. The bytes depend on the tokenizer alone. */
#include "base/file.h"
#include "base/json_stream.h"
#include "shards/tokenizer/blank_stages.h"
#include "shards/tokenizer/tokenizer_parts.h"
#include "shards/tokenizer/tokenizer_stages.h"

/* A token as files name it: `name` is overwritten. */
static const char *token_name(const struct tokenizer *tokenizer, int32_t id, struct strbuf *name)
{
    strbuf_reset(name);
    tokenizer_token_name(tokenizer, id, name);
    return name->bytes;
}

static struct json *added_tokens(const struct tokenizer *tokenizer, struct strbuf *name)
{
    static const char *const unset[] = { "single_word", "lstrip", "rstrip", "normalized" };
    struct json *list = json_new_array();
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        struct json *token = json_new_object();
        json_put_integer(token, "id", tokenizer->specials[i]);
        json_put_text(token, "content", token_name(tokenizer, tokenizer->specials[i], name));
        for (size_t flag = 0; flag < sizeof unset / sizeof *unset; flag++)
            json_put_bool(token, unset[flag], false);
        json_put_bool(token, "special", true);
        json_append(list, token);
    }
    return list;
}

/* All of the model but its vocabulary and merges. */
static struct json *model_of(const struct tokenizer *tokenizer, struct strbuf *name)
{
    const bool falls_back = tokenizer->kind == TOKENIZER_SENTENCEPIECE;
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    struct json *model = json_new_object();
    json_put_text(model, "type", "BPE");
    json_put_null(model, "dropout");
    json_put_null(model, "unk_token");
    if (tokenizer->unknown >= 0)
        json_put_text(model, "unk_token", token_name(tokenizer, tokenizer->unknown, name));
    for (size_t i = 0; i < sizeof affixes / sizeof *affixes; i++)
        if (falls_back)
            json_put_null(model, affixes[i]);
        else
            json_put_text(model, affixes[i], "");
    json_put_bool(model, "fuse_unk", falls_back);
    json_put_bool(model, "byte_fallback", falls_back);
    json_put_bool(model, "ignore_merges", tokenizer->whole_pieces);
    return model;
}

static void print_members(struct json_stream *stream, const struct json *object)
{
    void *cursor = NULL;
    const char *key;
    const struct json *value;
    while (json_next_member(object, &cursor, &key, &value)) {
        json_stream_key(stream, key);
        json_stream_value(stream, value);
    }
}

static void print_vocabulary(struct json_stream *stream, const struct tokenizer *tokenizer,
                             struct strbuf *name)
{
    json_stream_open(stream, '{');
    for (int32_t id = 0; id < tokenizer->tokens.count; id++) {
        json_stream_key(stream, token_name(tokenizer, id, name));
        json_stream_integer(stream, id);
    }
    json_stream_close(stream, '}');
}

static void print_merges(struct json_stream *stream, const struct tokenizer *tokenizer,
                         struct strbuf *name)
{
    json_stream_open(stream, '[');
    for (int64_t i = 0; i < tokenizer->merge_count; i++) {
        const int32_t pair[] = { tokenizer->merges[i].left, tokenizer->merges[i].right };
        json_stream_open(stream, '[');
        for (int side = 0; side < 2; side++) {
            token_name(tokenizer, pair[side], name);
            json_stream_text(stream, name->bytes, name->length);
        }
        json_stream_close(stream, ']');
    }
    json_stream_close(stream, ']');
}

static void print_model(struct json_stream *stream, const struct tokenizer *tokenizer,
                        struct strbuf *name)
{
    struct json *model = model_of(tokenizer, name);
    json_stream_open(stream, '{');
    print_members(stream, model);
    json_stream_key(stream, "vocab");
    print_vocabulary(stream, tokenizer, name);
    json_stream_key(stream, "merges");
    print_merges(stream, tokenizer, name);
    json_stream_close(stream, '}');
    json_free(model);
}

void tokenizer_print(const struct tokenizer *tokenizer, struct strbuf *out)
{
    struct json_stream stream = { .out = out };
    struct strbuf name = STRBUF_INIT;
    struct json *head = json_new_object();
    json_put_text(head, "version", "1.0");
    json_put_null(head, "truncation");
    json_put_null(head, "padding");
    json_put(head, "added_tokens", added_tokens(tokenizer, &name));
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL)
        tokenizer_stages_put(head, tokenizer->splitting);
    else
        blank_stages_put(head, &tokenizer->marking);
    json_stream_open(&stream, '{');
    print_members(&stream, head);
    json_stream_key(&stream, "model");
    print_model(&stream, tokenizer, &name);
    json_stream_close(&stream, '}');
    json_free(head);
    strbuf_release(&name);
}

enum status tokenizer_write(const struct tokenizer *tokenizer, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    tokenizer_print(tokenizer, &text);
    enum status status = file_replace(path, text.bytes, text.length);
    strbuf_release(&text);
    return status;
}
