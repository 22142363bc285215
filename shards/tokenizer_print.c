/* tokenizer_print: writing of tokenizer.json, as `tokenizers` and `transformers`
 * read it. The bytes depend on the tokenizer alone. */
#include "base/file.h"
#include "base/json.h"
#include "shards/byte_letters.h"
#include "shards/tokenizer_parts.h"
#include "shards/tokenizer_stages.h"

static bool is_special(const struct tokenizer *tokenizer, int64_t id)
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

/* A token as files name it: `name` is overwritten. */
static const char *token_name(const struct tokenizer *tokenizer, int64_t id, struct strbuf *name)
{
    size_t length;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
    strbuf_reset(name);
    if (is_special(tokenizer, id))
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
        json_put_text(token, "content", token_name(tokenizer, tokenizer->specials[i], name));
        for (size_t flag = 0; flag < sizeof unset / sizeof *unset; flag++)
            json_put_bool(token, unset[flag], false);
        json_put_bool(token, "special", true);
        json_append(list, token);
    }
    return list;
}

static struct json *merges_of(const struct tokenizer *tokenizer, struct strbuf *name)
{
    struct json *list = json_new_array();
    for (int64_t i = 0; i < tokenizer->merge_count; i++) {
        struct json *pair = json_new_array();
        json_append_text(pair, token_name(tokenizer, tokenizer->merges[i].left, name));
        json_append_text(pair, token_name(tokenizer, tokenizer->merges[i].right, name));
        json_append(list, pair);
    }
    return list;
}

static struct json *model_of(const struct tokenizer *tokenizer, struct strbuf *name)
{
    struct json *model = json_new_object(), *vocabulary = json_new_object();
    json_put_text(model, "type", "BPE");
    json_put_null(model, "dropout");
    json_put_null(model, "unk_token");
    json_put_text(model, "continuing_subword_prefix", "");
    json_put_text(model, "end_of_word_suffix", "");
    json_put_bool(model, "fuse_unk", false);
    json_put_bool(model, "byte_fallback", false);
    json_put_bool(model, "ignore_merges", tokenizer->whole_pieces);
    for (int64_t id = 0; id < tokenizer->tokens.count; id++)
        json_put_integer(vocabulary, token_name(tokenizer, id, name), id);
    json_put(model, "vocab", vocabulary);
    json_put(model, "merges", merges_of(tokenizer, name));
    return model;
}

void tokenizer_print(const struct tokenizer *tokenizer, struct strbuf *out)
{
    struct strbuf name = STRBUF_INIT;
    struct json *root = json_new_object();
    json_put_text(root, "version", "1.0");
    json_put_null(root, "truncation");
    json_put_null(root, "padding");
    json_put(root, "added_tokens", added_tokens(tokenizer, &name));
    tokenizer_stages_put(root, tokenizer->splitting);
    json_put(root, "model", model_of(tokenizer, &name));
    json_print(root, JSON_INDENTED, out);
    json_free(root);
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
