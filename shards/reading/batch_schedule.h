/* batch_schedule: which sample is in which place of which step. A pure function.
 *
 * Slot g = (step * leaves + leaf) * leaf_sequences + s counts the sequences of a
 * run; epoch = g / samples; the place within the epoch is permuted twice by keyed
 * Feistel networks with cycle walking, so that reads stay local:
 *
 *   place    |    window 0     |    window 1     |  ...  |       |
 *             shuffled within, over its own length
 *   block    | b0 | b1 | ..    | .. | .. | ..    |  ...  | tail  |
 *             full blocks shuffled over the corpus; the short tail stays last
 *
 * A block is SCHEDULE_BLOCK consecutive samples, a window SCHEDULE_WINDOW blocks.
 * Every sample is seen once an epoch at any world size, and the state of a run's
 * reading is one cursor.
 */
#ifndef SHARDS_BATCH_SCHEDULE_H
#define SHARDS_BATCH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/philox.h"

#define SCHEDULE_BLOCK  64
#define SCHEDULE_WINDOW 64

struct batch_schedule {
    uint64_t seed;
    int64_t samples; /* of the corpus; > 0 */
};

/* The sample for global slot `slot` (>= 0). */
int64_t batch_schedule_sample(const struct batch_schedule *schedule, int64_t slot);

/* Keeps what the slots of a window share, for whoever asks for many in turn. Zeroed at first; of
 * one schedule. */
struct batch_walk {
    bool has_window;
    int64_t epoch, window;
    struct philox_key window_key, blocks_key;
    int64_t blocks[SCHEDULE_WINDOW]; /* where each block of the window is taken from; -1: unknown */
};

/* The same sample. */
int64_t batch_walk_sample(struct batch_walk *walk, const struct batch_schedule *schedule,
                          int64_t slot);

#endif
