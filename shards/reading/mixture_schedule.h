/* mixture_schedule: which corpus a slot draws from, and which sample of it. A pure function.
 *
 * Each MIXTURE_BLOCK consecutive slots are shuffled; then corpus i has its share of
 * all slots so far, rounded down, at every place: proportions are exact, not
 * drawn by lot. A corpus counts its own slots, and walks its own schedule
 * (batch_schedule.h) through its own epochs by them. One corpus alone has all slots.
 *
 *   slot        0 1 2 3 4 5 6 7 8 9      weights 5, 3, 2
 *   shuffled    7 2 9 4 0 3 8 6 1 5      corpus 0: c(x) = x * 5 / 10 steps at odd places;
 *   corpus      0 1 0 2 1 0 2 1 0 0      of the places left, corpus 1: x * 3 / 5; ...
 */
#ifndef SHARDS_MIXTURE_SCHEDULE_H
#define SHARDS_MIXTURE_SCHEDULE_H

#include <stdint.h>

#include "shards/reading/batch_schedule.h"

enum { MIXTURE_BLOCK = 1024, MIXTURE_PARTS_MAX = 64 };

struct mixture_schedule {
    uint64_t seed;
    int count;                          /* of corpora; > 0 */
    int64_t weights[MIXTURE_PARTS_MAX]; /* each > 0, their sum below 2^62 */
    int64_t samples[MIXTURE_PARTS_MAX]; /* of each corpus; > 0 */
};

struct mixture_place {
    int part;       /* the corpus */
    int64_t slot;   /* its own count of slots */
    int64_t sample; /* of it */
};

/* What global slot `slot` (>= 0) holds. */
struct mixture_place mixture_schedule_place(const struct mixture_schedule *schedule, int64_t slot);

/* As batch_walk, over all corpora. Zeroed at first. */
struct mixture_walk {
    struct batch_walk parts[MIXTURE_PARTS_MAX];
};

/* The same place. */
struct mixture_place mixture_walk_place(struct mixture_walk *walk,
                                        const struct mixture_schedule *schedule, int64_t slot);

#endif
