/* tokenizer_print: writing of tokenizer.json, as `tokenizers` and `transformers`
 * read it. The bytes depend on the tokenizer alone. */
#include "base/file.h"
#include "base/json_stream.h"
#include "shards/tokenizer/byte_letters.h"
#include "shards/tokenizer/tokenizer_parts.h"
#include "shards/tokenizer/tokenizer_stages.h"

bool tokenizer_is_special(const struct tokenizer *tokenizer, int64_t id)
{
    int64_t low = 0, high = tokenizer->special_count; /* specials ascend */
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (tokenizer->specials[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tokenizer->special_count && tokenizer->specials[low] == id;
}

const char *tokenizer_token_name(const struct tokenizer *tokenizer, int64_t id, struct strbuf *name)
{
    size_t length;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
    strbuf_reset(name);
    if (tokenizer_is_special(tokenizer, id))
        strbuf_add(name, bytes, length);
    else
        byte_letters_print(name, bytes, length);
    return name->bytes;
}

static struct json *added_tokens(const struct tokenizer *tokenizer, struct strbuf *name)
{
    static const char *const unset[] = { "single_word", "lstrip", "rstrip", "normalized" };
    struct json *list = json_new_array();
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        struct json *token = json_new_object();
        json_put_integer(token, "id", tokenizer->specials[i]);
        json_put_text(token, "content",
                      tokenizer_token_name(tokenizer, tokenizer->specials[i], name));
        for (size_t flag = 0; flag < sizeof unset / sizeof *unset; flag++)
            json_put_bool(token, unset[flag], false);
        json_put_bool(token, "special", true);
        json_append(list, token);
    }
    return list;
}

/* All of the model but its vocabulary and merges. */
static struct json *model_of(const struct tokenizer *tokenizer)
{
    struct json *model = json_new_object();
    json_put_text(model, "type", "BPE");
    json_put_null(model, "dropout");
    json_put_null(model, "unk_token");
    json_put_text(model, "continuing_subword_prefix", "");
    json_put_text(model, "end_of_word_suffix", "");
    json_put_bool(model, "fuse_unk", false);
    json_put_bool(model, "byte_fallback", false);
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
    for (int64_t id = 0; id < tokenizer->tokens.count; id++) {
        json_stream_key(stream, tokenizer_token_name(tokenizer, id, name));
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
            tokenizer_token_name(tokenizer, pair[side], name);
            json_stream_text(stream, name->bytes, name->length);
        }
        json_stream_close(stream, ']');
    }
    json_stream_close(stream, ']');
}

static void print_model(struct json_stream *stream, const struct tokenizer *tokenizer,
                        struct strbuf *name)
{
    struct json *model = model_of(tokenizer);
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
    tokenizer_stages_put(head, tokenizer->splitting);
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
