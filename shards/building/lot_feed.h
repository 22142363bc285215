/* lot_feed: hands the lots of a rank's inputs to its threads.
 *
 *   input 0   done
 *   input 1   | lot | lot | being read by a thread        one thread reads an input
 *   input 2   | lot | waits for a thread                  at a time, several inputs
 *   input 3   not yet opened                              are read at once
 *
 * A thread reads a lot's documents and then works on them while others read on.
 * Lots that are there already, whole, are left out, and so are those of other
 * ranks where an input is shared.
 */
#ifndef SHARDS_LOT_FEED_H
#define SHARDS_LOT_FEED_H

#include "shards/building/build_input.h"
#include "shards/building/document_batch.h"

struct lot_feed_plan {
    const struct build_input *inputs;
    int64_t input_count;
    int rank, ranks;
    const struct document_rules *rules;
    int64_t lot_bytes;
    const char *folder; /* in which lots lie, see lot_path */
    size_t token_bytes; /* of lots that are good */
    bool has_keys;
};

/* FOLDER/IDENTITY/00000012 */
void lot_path(const char *folder, const struct build_input *input, int64_t lot, struct strbuf *out);

struct lot_feed;
struct lot_feed *lot_feed_create(const struct lot_feed_plan *plan);
void lot_feed_free(struct lot_feed *feed); /* NULL is allowed */

/* The next lot of any input replaces `batch`; *found = false when none is left, or once a thread
 * has failed. */
enum status lot_feed_next(struct lot_feed *feed, struct document_batch *batch, bool *found);

/* Any thread: no more lots are handed out. */
void lot_feed_stop(struct lot_feed *feed);

/* What has been done of what is to do, in bytes of the inputs' files. */
struct lot_feed_progress {
    int64_t bytes_done, bytes_total, text_bytes;
    int64_t lots_kept; /* that an earlier build had made */
};
struct lot_feed_progress lot_feed_look(struct lot_feed *feed);

#endif
