/* name_merging: what a token's own characters are merged to, by SentencePiece's BPE.
 *
 * Of all merges that make a token, one at most is ever done, in whatever text: the last one of the
 * token alone. For within the token's characters merges are chosen as if there were no others,
 * those that cross its ends not having been done; and the token alone comes to two parts once.
 *
 *   "aaa" out of (a, aa), rank 7, and (aa, a), rank 8, where (a, a) has rank 3:
 *     a a a  ->  aa a  ->  aaa        the last merge is 8, and 7 is never done
 */
#ifndef SHARDS_NAME_MERGING_H
#define SHARDS_NAME_MERGING_H

#include "shards/tokenizer/tokenizer_parts.h"

/* Time is quadratic in the length. */
#define NAME_MERGING_MAX_BYTES ((size_t)4096)

struct name_merging {
    int64_t parts;     /* tokens, and characters that have none, when no pair merges any more */
    int64_t last_rank; /* of the last merge; -1: there was none */
};

/* Merges `bytes`, UTF-8 with blanks for marks, as a part of a text: nothing is put before it, and a
 * token is not taken whole. */
struct name_merging name_merging_of(const struct tokenizer *tokenizer, const char *bytes,
                                    size_t length);

#endif
