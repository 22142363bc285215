/* piece_counter: counts the pieces of texts, in several threads at once.
 *
 *   thread 0   splitter -> near table  \        far tables, one for each value of the
 *   thread 1   splitter -> near table   --->    hash's first bits, each with its lock
 *   ...                                /
 *
 * A thread counts in a table that stays in its cache, and empties it into the
 * far ones when it is full: near tables lie in the order of hashes, so each far
 * one is locked once. Every distinct piece is held once, whatever the number of
 * threads; counts are sums, so they do not depend on who counted what.
 */
#ifndef SHARDS_PIECE_COUNTER_H
#define SHARDS_PIECE_COUNTER_H

#include "shards/tokenizer/piece_table.h"
#include "shards/tokenizer/splitting_rule.h"

#define PIECE_COUNTER_PARTS 64

struct piece_counter;
struct piece_counter *piece_counter_create(int threads, enum splitting_rule rule);
void piece_counter_free(struct piece_counter *counter); /* NULL is allowed */

/* Counts the pieces of a text, as `thread` of [0, threads): one call at a time for each. A piece
 * beyond `longest` bytes is counted in parts of that length. */
void piece_counter_add(struct piece_counter *counter, int thread, const char *text, size_t length,
                       size_t longest);

/* Empties the near tables; no thread may be counting. After that the parts hold all. */
void piece_counter_gather(struct piece_counter *counter);
struct piece_table *piece_counter_part(struct piece_counter *counter, int part);

int64_t piece_counter_bytes(const struct piece_counter *counter); /* of memory; no thread counts */

/* Where a text may be cut into parts that are counted apart: the first place from `at` on that
 * begins a piece whatever comes before it, or `length`. */
size_t piece_counter_cut(const char *text, size_t at, size_t length);

#endif
