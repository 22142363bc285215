/* shard_layout: which documents of which lots each shard of a build holds.
 *
 * A walk over the records of all lots: documents that are not duplicates go, in
 * order, to the open shard of their split, which is closed once it has
 * `shard_tokens`.
 *
 *   lots     | 0       | 1       | 2    | 3         |
 *   train    | train-00000   | train-00001     | ...      both splits' documents
 *   heldout  | heldout-00000                     ...      lie in the same lots
 */
#ifndef SHARDS_SHARD_LAYOUT_H
#define SHARDS_SHARD_LAYOUT_H

#include "shards/building/duplicate_finder.h"
#include "shards/building/lot_list.h"

struct layout_shard {
    enum corpus_split split;
    int64_t number;                    /* within its split */
    int64_t first_lot, first_document; /* where it begins: the document's place in its lot */
    int64_t first_token;               /* of the split's tokens */
    int64_t tokens, documents, text_bytes, name_bytes;
};

struct shard_layout {
    const struct lot_list *lots;
    const struct duplicates *duplicates;
    struct layout_shard *shards;
    int64_t count;
    int64_t (*lot_tokens)[SPLIT_COUNT]; /* [lots + 1] tokens of each split before this lot */
    struct rule_count exact, near;      /* left out as duplicates */
};

/* Bad input where there are more shards of a split than names. */
enum status shard_layout_make(const struct lot_list *lots, const struct duplicates *duplicates,
                              int64_t shard_tokens, struct shard_layout *out);
void shard_layout_release(struct shard_layout *layout);

/* Is the document in the corpus? */
static inline bool layout_keeps(const struct shard_layout *layout, int64_t ordinal)
{
    return !bit_is_set(layout->duplicates->exact, ordinal) &&
           !bit_is_set(layout->duplicates->near, ordinal);
}

#endif
