/* tokenizer_json: reading of tokenizer.json, Hugging Face's format.
 *
 * The file describes a pipeline of which each stage has many kinds. Taken is
 * byte-level BPE with GPT-2's splitting rule. Everything else that would change
 * the ids is refused by its name, so that no text is ever encoded wrongly.
 */
#include <string.h>

#include "base/memory.h"
#include "shards/vocabulary_list.h"

static bool is_set(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    if (!value || json_kind_of(value) == JSON_KIND_NULL)
        return false;
    return json_kind_of(value) != JSON_KIND_BOOL || json_bool_of(value);
}

static const char *text_of(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    return value && json_kind_of(value) == JSON_KIND_STRING ? json_text(value) : NULL;
}

static enum status cannot_honour(const char *source, const char *what, const char *value)
{
    return bad_input("cannot use tokenizer '%s': its %s%s%s%s is not supported", source, what,
                     value ? " '" : "", value ? value : "", value ? "'" : "");
}

/* A stage that must be absent or of type "ByteLevel". */
static enum status check_stage(const struct json *root, const char *key, const char *source,
                               const struct json **stage)
{
    *stage = NULL;
    if (!is_set(root, key))
        return STATUS_OK;
    TRY(json_need_kind(root, key, JSON_KIND_OBJECT, source, stage));
    const char *type = text_of(*stage, "type");
    if (!type || strcmp(type, "ByteLevel") != 0)
        return cannot_honour(source, key, type);
    return STATUS_OK;
}

/* add_prefix_space and use_regex are true where they are not written. */
static enum status check_splitting(const struct json *root, const char *source)
{
    const struct json *stage;
    TRY(check_stage(root, "pre_tokenizer", source, &stage));
    if (!stage)
        return bad_input("cannot use tokenizer '%s': it has no pre_tokenizer", source);
    if (!json_member(stage, "add_prefix_space") || is_set(stage, "add_prefix_space"))
        return cannot_honour(source, "pre_tokenizer's add_prefix_space", NULL);
    if (json_member(stage, "use_regex") && !is_set(stage, "use_regex"))
        return cannot_honour(source, "pre_tokenizer without use_regex", NULL);
    return STATUS_OK;
}

static enum status check_pipeline(const struct json *root, const char *source)
{
    static const char *const absent[] = { "normalizer", "truncation", "padding" };
    const struct json *stage;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (is_set(root, absent[i]))
            return cannot_honour(source, absent[i], NULL);
    TRY(check_splitting(root, source));
    TRY(check_stage(root, "post_processor", source, &stage));
    return check_stage(root, "decoder", source, &stage);
}

static enum status check_model(const struct json *model, const char *source)
{
    static const char *const unset[] = { "dropout", "byte_fallback", "ignore_merges" };
    static const char *const empty[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    const char *type = text_of(model, "type");
    if (!type || strcmp(type, "BPE") != 0)
        return cannot_honour(source, "model", type);
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        if (is_set(model, unset[i]))
            return cannot_honour(source, unset[i], NULL);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        const char *affix = text_of(model, empty[i]);
        if (is_set(model, empty[i]) && (!affix || *affix))
            return cannot_honour(source, empty[i], affix);
    }
    return STATUS_OK;
}

static enum status add_special(struct vocabulary_list *list, const struct json *token)
{
    const char *content;
    int64_t id;
    if (json_kind_of(token) != JSON_KIND_OBJECT)
        return bad_input("cannot use tokenizer '%s': an added token is no object", list->source);
    TRY(json_need_text(token, "content", list->source, &content));
    TRY(json_need_integer(token, "id", 0, INT32_MAX, list->source, &id));
    if (strlen(content) != json_text_length(json_member(token, "content")) || !*content)
        return bad_input("cannot use tokenizer '%s': added token %lld is empty or has a NUL",
                         list->source, (long long)id);
    if (!is_set(token, "special")) /* it would cut the text before the splitting rule does */
        return cannot_honour(list->source, "added token that is not special,", content);
    return vocabulary_list_add_special(list, content, id);
}

static enum status add_tokens(struct tokenizer *tokenizer, const struct json *root,
                              const struct json *model, const char *source)
{
    const struct json *vocabulary, *added = NULL;
    TRY(json_need_kind(model, "vocab", JSON_KIND_OBJECT, source, &vocabulary));
    if (is_set(root, "added_tokens"))
        TRY(json_need_kind(root, "added_tokens", JSON_KIND_ARRAY, source, &added));
    int64_t added_count = added ? json_length(added) : 0;

    struct vocabulary_list list;
    enum status status = vocabulary_list_init(&list, vocabulary, added_count, source);
    for (int64_t i = 0; i < added_count && status == STATUS_OK; i++)
        status = add_special(&list, json_item(added, i));
    if (status == STATUS_OK)
        status = vocabulary_list_give(&list, tokenizer);
    vocabulary_list_release(&list);
    return status;
}

/* ["a", "b"], or in older files "a b". */
static enum status add_merge(struct tokenizer *tokenizer, const struct json *merge,
                             const char *source)
{
    if (json_kind_of(merge) == JSON_KIND_STRING) {
        const char *text = json_text(merge);
        size_t length = json_text_length(merge);
        const char *space = memchr(text, ' ', length);
        if (space) {
            size_t left = (size_t)(space - text);
            return vocabulary_add_merge(tokenizer, text, left, space + 1, length - left - 1,
                                        source);
        }
    } else if (json_kind_of(merge) == JSON_KIND_ARRAY && json_length(merge) == 2) {
        const struct json *left = json_item(merge, 0), *right = json_item(merge, 1);
        if (json_kind_of(left) == JSON_KIND_STRING && json_kind_of(right) == JSON_KIND_STRING)
            return vocabulary_add_merge(tokenizer, json_text(left), json_text_length(left),
                                        json_text(right), json_text_length(right), source);
    }
    return bad_input("cannot use tokenizer '%s': merge %lld is not two tokens", source,
                     (long long)tokenizer->merge_count);
}

static enum status read_root(struct tokenizer *tokenizer, const struct json *root,
                             const char *source)
{
    const struct json *model, *merges;
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return bad_input("cannot use tokenizer '%s': it is no JSON object", source);
    TRY(json_need_kind(root, "model", JSON_KIND_OBJECT, source, &model));
    TRY(check_model(model, source));
    TRY(check_pipeline(root, source));
    TRY(add_tokens(tokenizer, root, model, source));
    TRY(json_need_kind(model, "merges", JSON_KIND_ARRAY, source, &merges));
    for (int64_t i = 0; i < json_length(merges); i++)
        TRY(add_merge(tokenizer, json_item(merges, i), source));
    return tokenizer_seal(tokenizer, source);
}

enum status tokenizer_read(const char *path, struct tokenizer **out)
{
    struct json *root;
    *out = NULL;
    TRY(json_read(path, TOKENIZER_MAX_FILE, &root));
    struct tokenizer *tokenizer = tokenizer_new();
    enum status status = read_root(tokenizer, root, path);
    json_free(root);
    if (status == STATUS_OK)
        *out = tokenizer;
    else
        tokenizer_free(tokenizer);
    return status;
}
