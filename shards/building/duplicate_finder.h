/* duplicate_finder: which documents of a build were there before.
 *
 * Keys are dealt out over ranks and passes by their value; a rank reads the keys
 * of all lots in the order of the documents, keeps those that fall to it in a
 * set, and marks a document whose key is in the set already. Memory: the set, at
 * most `memory_bytes` (or 1 MiB), and two bits a document.
 */
#ifndef SHARDS_DUPLICATE_FINDER_H
#define SHARDS_DUPLICATE_FINDER_H

#include "shards/building/build_team.h"
#include "shards/building/lot_list.h"

enum deduplication { DEDUPLICATE_NO, DEDUPLICATE_EXACT, DEDUPLICATE_NEAR };

/* One bit for each ordinal; bit i is bytes[i / 8] >> i % 8. */
struct duplicates {
    unsigned char *exact, *near; /* a document may be both */
};

/* Collective. All ranks find the same. */
enum status duplicates_find(const struct lot_list *lots, enum deduplication what,
                            int64_t memory_bytes, const struct build_team *team,
                            struct duplicates *out);
void duplicates_release(struct duplicates *duplicates);

static inline bool bit_is_set(const unsigned char *bits, int64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

#endif
