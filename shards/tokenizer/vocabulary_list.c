#include "shards/tokenizer/vocabulary_list.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/tokenizer/token_name.h"
#include "shards/tokenizer/tokenizer_stages.h"

static enum status claim(struct vocabulary_list *list, int64_t id, const char *text, bool special)
{
    if (id < 0 || id >= list->count)
        return bad_input("cannot use tokenizer '%s': token '%s' has id %lld, where %lld tokens "
                         "leave room for 0 to %lld",
                         list->source, text, (long long)id, (long long)list->count,
                         (long long)list->count - 1);
    struct vocabulary_entry *entry = &list->entries[id];
    if (entry->text)
        return bad_input("cannot use tokenizer '%s': id %lld belongs to both '%s' and '%s'",
                         list->source, (long long)id, entry->text, text);
    *entry = (struct vocabulary_entry){ text, strlen(text), special };
    return STATUS_OK;
}

static enum status claim_all(struct vocabulary_list *list, const struct json *vocabulary)
{
    void *cursor = NULL;
    const char *text;
    const struct json *id;
    while (json_next_member(vocabulary, &cursor, &text, &id)) {
        if (json_kind_of(id) != JSON_KIND_INTEGER)
            return bad_input("cannot use tokenizer '%s': the id of token '%s' is no integer",
                             list->source, text);
        TRY(claim(list, json_integer_of(id), text, false));
    }
    return STATUS_OK;
}

enum status vocabulary_list_init(struct vocabulary_list *list, const struct json *vocabulary,
                                 int64_t added, const char *source)
{
    *list = (struct vocabulary_list){ .source = source, .vocabulary = vocabulary };
    list->specials = json_new_object();
    list->count = json_length(vocabulary) + added;
    if (list->count > TOKENIZER_MAX_VOCAB)
        return bad_input("cannot use tokenizer '%s': %lld tokens, more than the %lld allowed",
                         source, (long long)list->count, (long long)TOKENIZER_MAX_VOCAB);
    list->entries = memory_alloc_zeroed((size_t)list->count + 1, sizeof *list->entries);
    return claim_all(list, vocabulary);
}

void vocabulary_list_release(struct vocabulary_list *list)
{
    memory_free(list->entries);
    json_free(list->specials);
    list->entries = NULL;
    list->specials = NULL;
}

/* What is printed would have the name twice. */
static enum status check_name(const struct vocabulary_list *list, const struct json *names,
                              const char *text, int64_t id)
{
    const struct json *other = json_member(names, text);
    if (!other || json_integer_of(other) == id)
        return STATUS_OK;
    return bad_input("cannot use tokenizer '%s': token '%s' has two ids, %lld and %lld",
                     list->source, text, (long long)json_integer_of(other), (long long)id);
}

enum status vocabulary_list_add_special(struct vocabulary_list *list, const char *text, int64_t id)
{
    TRY(check_name(list, list->vocabulary, text, id));
    TRY(check_name(list, list->specials, text, id));
    json_put_integer(list->specials, text, id);
    bool known = id >= 0 && id < list->count && list->entries[id].text &&
                 !list->entries[id].special && strcmp(list->entries[id].text, text) == 0;
    if (!known)
        return claim(list, id, text, true);
    list->entries[id].special = true;
    return STATUS_OK;
}

/* A token that is both in the vocabulary and special was counted twice: the end may be free. */
static enum status check_no_hole(const struct vocabulary_list *list, int64_t *count)
{
    *count = list->count;
    while (*count > 0 && !list->entries[*count - 1].text)
        --*count;
    for (int64_t id = 0; id < *count; id++)
        if (!list->entries[id].text)
            return bad_input("cannot use tokenizer '%s': no token has id %lld, but id %lld is '%s'",
                             list->source, (long long)id, (long long)*count - 1,
                             list->entries[*count - 1].text);
    return STATUS_OK;
}

/* In SentencePiece's kind, a character that is a special token would be found in text, and a mark
 * in one would be a blank after decoding. */
static enum status give_special(const struct vocabulary_entry *entry, struct tokenizer *tokenizer,
                                const char *source)
{
    if (tokenizer->kind == TOKENIZER_SENTENCEPIECE) {
        if (utf8_character_length(entry->text, entry->length) == entry->length)
            return tokenizer_stage_refuse(source, "special token of one character,", entry->text);
        if (strstr(entry->text, BLANK_MARK))
            return tokenizer_stage_refuse(source, "special token with a blank's mark,",
                                          entry->text);
    }
    tokenizer_add_special(tokenizer, entry->text, entry->length);
    return STATUS_OK;
}

static enum status give_entry(const struct vocabulary_entry *entry, struct tokenizer *tokenizer,
                              struct strbuf *bytes, const char *source)
{
    if (entry->special)
        return give_special(entry, tokenizer, source);
    if (tokenizer->kind == TOKENIZER_SENTENCEPIECE) {
        int byte = token_name_byte(entry->text, entry->length);
        if (byte >= 0) {
            tokenizer_add_byte(tokenizer, (unsigned char)byte);
            return STATUS_OK;
        }
        if (token_name_looks_like_byte(entry->text, entry->length))
            return tokenizer_stage_refuse(source, "token for a byte,", entry->text);
    }
    strbuf_reset(bytes);
    if (!token_name_parse(tokenizer->kind, entry->text, entry->length, bytes))
        return bad_input("cannot use tokenizer '%s': token '%s' is not written in the letters of "
                         "byte-level BPE",
                         source, entry->text);
    return tokenizer_add_token(tokenizer, bytes->bytes, bytes->length, source);
}

enum status vocabulary_list_give(const struct vocabulary_list *list, struct tokenizer *tokenizer)
{
    int64_t count;
    TRY(check_no_hole(list, &count));
    struct strbuf bytes = STRBUF_INIT;
    enum status status = STATUS_OK;
    for (int64_t id = 0; id < count && status == STATUS_OK; id++)
        status = give_entry(&list->entries[id], tokenizer, &bytes, list->source);
    strbuf_release(&bytes);
    return status;
}

static int64_t find_token(const struct tokenizer *tokenizer, const char *name, size_t length)
{
    struct strbuf bytes = STRBUF_INIT;
    int64_t id = -1;
    if (token_name_parse(tokenizer->kind, name, length, &bytes))
        id = byte_map_find(&tokenizer->tokens, bytes.bytes, bytes.length);
    strbuf_release(&bytes);
    return id;
}

/* For %.*s: messages are short. */
static int quoted_length(size_t length)
{
    return length < 64 ? (int)length : 64;
}

enum status vocabulary_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_length,
                                 const char *right, size_t right_length, const char *source)
{
    int64_t left_id = find_token(tokenizer, left, left_length);
    int64_t right_id = find_token(tokenizer, right, right_length);
    if (left_id < 0 || right_id < 0)
        return bad_input("cannot use tokenizer '%s': merge %lld is of '%.*s', which is no token",
                         source, (long long)tokenizer->merge_count,
                         quoted_length(left_id < 0 ? left_length : right_length),
                         left_id < 0 ? left : right);
    return tokenizer_add_merge(tokenizer, (int32_t)left_id, (int32_t)right_id, source);
}
