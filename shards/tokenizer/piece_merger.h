/* piece_merger: merges the tokens of one piece, the pair with the lowest rank
 * first and, among equals, the leftmost (Sennrich, Haddow, Birch: "Neural
 * machine translation of rare words with subword units", ACL 2016).
 *
 * Short pieces are searched for the lowest rank before each merge: n^2 steps,
 * all in a few cache lines. Long ones are cut first where two bytes meet that
 * stand side by side in no token (random bytes: nearly everywhere). Long parts
 * that are left keep their pairs in a heap, and are merged in windows:
 *
 *   part     |------------------------------------------------------|
 *   window 1 |---------------|back|
 *   window 2                 |---------------|back|
 *                            ^ a place that no merge of the part crosses, as the
 *                              two tokens that meet there do not merge
 *
 * So time and memory are as of short texts; where windows do not meet they
 * double: n log n at worst.
 */
#ifndef SHARDS_PIECE_MERGER_H
#define SHARDS_PIECE_MERGER_H

#include "shards/tokenizer/tokenizer_parts.h"

#define PIECE_MERGER_MAX_BYTES ((size_t)1 << 30)

struct piece_merger; /* scratch, for one thread */

struct piece_merger *piece_merger_create(const struct tokenizer *tokenizer);
void piece_merger_free(struct piece_merger *merger); /* NULL is allowed */

/* Appends the ids of one piece of 1 to PIECE_MERGER_MAX_BYTES bytes. */
void piece_merger_add(struct piece_merger *merger, const char *piece, size_t length,
                      struct token_buffer *out);

#endif
