/* piece_feed: texts from a source to a piece_counter, by several threads.
 *
 *   thread 0   | read batch 1 | read batch 2 | count | read batch 3 | ...
 *   thread 1                  | count batch 1 .......| count batch 2 ...
 *
 * While one thread reads the next batch the others count the one before, in
 * blocks: texts are cut where no splitting rule sees it, so that one long text
 * keeps all threads busy. Memory: two batches of some megabytes, or of one text
 * where that is longer, and another text.
 */
#ifndef SHARDS_PIECE_FEED_H
#define SHARDS_PIECE_FEED_H

#include <stdbool.h>

#include "base/status.h"
#include "base/strbuf.h"
#include "shards/tokenizer/piece_counter.h"

/* The next text replaces `text`; *found = false at the end. Called by one thread at a time, not
 * always the same one. */
typedef enum status text_supply(void *context, struct strbuf *text, bool *found);

struct piece_feed;

/* As many threads as the counter has. Pieces beyond `longest_piece` are counted in parts. */
struct piece_feed *piece_feed_create(struct piece_counter *counter, int threads,
                                     size_t longest_piece, text_supply *supply, void *context);
void piece_feed_free(struct piece_feed *feed); /* NULL is allowed */

/* Reads a batch and counts the one before; *more = false once all is counted. */
enum status piece_feed_step(struct piece_feed *feed, bool *more);

int64_t piece_feed_texts(const struct piece_feed *feed); /* read so far, and their bytes */
int64_t piece_feed_bytes(const struct piece_feed *feed);

#endif
