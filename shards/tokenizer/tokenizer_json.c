/* tokenizer_json: reading of tokenizer.json, Hugging Face's format.
 *
 * The file describes a pipeline of which each stage has many kinds. Taken is
 * byte-level BPE with one of the splitting rules, and SentencePiece's BPE, which
 * is known by its byte_fallback. Everything else that would change the ids is
 * refused by its name, so that no text is ever encoded wrongly.
 */
#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/blank_stages.h"
#include "shards/tokenizer/tokenizer_stages.h"
#include "shards/tokenizer/vocabulary_list.h"

static enum status check_model(const struct json *model, const char *source)
{
    static const char *const empty[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    const char *type = tokenizer_stage_text(model, "type");
    if (!type || strcmp(type, "BPE") != 0)
        return tokenizer_stage_refuse(source, "model", type);
    if (tokenizer_stage_is_set(model, "dropout"))
        return tokenizer_stage_refuse(source, "dropout", NULL);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        const char *affix = tokenizer_stage_text(model, empty[i]);
        if (tokenizer_stage_is_set(model, empty[i]) && (!affix || *affix))
            return tokenizer_stage_refuse(source, empty[i], affix);
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
    /* One that is not special would cut the text before the splitting rule does. */
    if (!tokenizer_stage_is_set(token, "special"))
        return tokenizer_stage_refuse(list->source, "added token that is not special,", content);
    return vocabulary_list_add_special(list, content, id);
}

static enum status add_tokens(struct tokenizer *tokenizer, const struct json *root,
                              const struct json *model, const char *source)
{
    const struct json *vocabulary, *added = NULL;
    TRY(json_need_kind(model, "vocab", JSON_KIND_OBJECT, source, &vocabulary));
    if (tokenizer_stage_is_set(root, "added_tokens"))
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

/* It stands for characters without tokens, of which there are none where all bytes have theirs. */
static enum status find_unknown(struct tokenizer *tokenizer, const struct json *model,
                                const char *source)
{
    const char *name = tokenizer_stage_text(model, "unk_token");
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL || !tokenizer_stage_is_set(model, "unk_token"))
        return STATUS_OK;
    if (name)
        tokenizer->unknown = tokenizer_find_special(tokenizer, name);
    if (tokenizer->unknown < 0)
        return bad_input("cannot use tokenizer '%s': its unk_token%s%s%s is no special token",
                         source, name ? " '" : "", name ? name : "", name ? "'" : "");
    return STATUS_OK;
}

static enum status read_stages(struct tokenizer *tokenizer, const struct json *root,
                               const char *source)
{
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL)
        return tokenizer_stages_read(root, source, &tokenizer->splitting);
    return blank_stages_read(root, source, &tokenizer->marking);
}

static enum status read_root(struct tokenizer *tokenizer, const struct json *root,
                             const char *source)
{
    const struct json *model, *merges;
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return bad_input("cannot use tokenizer '%s': it is no JSON object", source);
    TRY(json_need_kind(root, "model", JSON_KIND_OBJECT, source, &model));
    TRY(check_model(model, source));
    tokenizer->whole_pieces = tokenizer_stage_is_set(model, "ignore_merges");
    if (tokenizer_stage_is_set(model, "byte_fallback"))
        tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    TRY(read_stages(tokenizer, root, source));
    TRY(add_tokens(tokenizer, root, model, source));
    TRY(find_unknown(tokenizer, model, source));
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
