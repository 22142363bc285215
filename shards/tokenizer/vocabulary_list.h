/* vocabulary_list: the tokens that files claim, put in the order of their ids.
 *
 * Files name tokens (shards/tokenizer/token_name) in any order, special ones by their
 * plain text. Every id from 0 up must be claimed exactly once.
 */
#ifndef SHARDS_VOCABULARY_LIST_H
#define SHARDS_VOCABULARY_LIST_H

#include "base/json.h"
#include "shards/tokenizer/tokenizer_parts.h"

struct vocabulary_entry {
    const char *text; /* borrowed from the JSON; NULL: not claimed */
    size_t length;
    bool special;
};

struct vocabulary_list {
    const char *source; /* the file, for messages */
    const struct json *vocabulary;
    struct json *specials; /* as the vocabulary: text to id */
    struct vocabulary_entry *entries;
    int64_t count; /* ids that there can be: as many as the files name tokens */
};

/* Takes all of { "token": id, ... }, with room for `added` more. */
enum status vocabulary_list_init(struct vocabulary_list *list, const struct json *vocabulary,
                                 int64_t added, const char *source);
void vocabulary_list_release(struct vocabulary_list *list);

/* Claims `id` for a special token, or marks the token of that name and id as special. Bad input
 * where a token of that name has another id. */
enum status vocabulary_list_add_special(struct vocabulary_list *list, const char *text, int64_t id);

/* Makes them the tokens of `tokenizer`, which has none yet but knows its kind. */
enum status vocabulary_list_give(const struct vocabulary_list *list, struct tokenizer *tokenizer);

/* Adds the merge of the tokens with these names. */
enum status vocabulary_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_length,
                                 const char *right, size_t right_length, const char *source);

#endif
