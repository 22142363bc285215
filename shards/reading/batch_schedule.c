#include "shards/reading/batch_schedule.h"

#include "base/status.h"
#include "shards/reading/keyed_permutation.h"

#define WINDOW_SAMPLES ((int64_t)SCHEDULE_WINDOW * SCHEDULE_BLOCK)

static void enter_window(struct batch_walk *walk, uint64_t seed, int64_t epoch, int64_t window)
{
    if (walk->has_window && walk->epoch == epoch && walk->window == window)
        return;
    *walk = (struct batch_walk){
        .has_window = true,
        .epoch = epoch,
        .window = window,
        .window_key = keyed_permutation_key(seed, RANDOM_SHUFFLE_WINDOW, epoch, window),
        .blocks_key = keyed_permutation_key(seed, RANDOM_SHUFFLE_BLOCKS, epoch, 0),
    };
    for (int i = 0; i < SCHEDULE_WINDOW; i++)
        walk->blocks[i] = -1;
}

/* Where a block of the window is taken from; the short one at the end stays. */
static int64_t shuffled_block(struct batch_walk *walk, int64_t full_blocks, int64_t block)
{
    int64_t *known = &walk->blocks[block - walk->window * SCHEDULE_WINDOW];
    if (*known < 0)
        *known =
            block < full_blocks ? keyed_permutation(walk->blocks_key, full_blocks, block) : block;
    return *known;
}

int64_t batch_walk_sample(struct batch_walk *walk, const struct batch_schedule *schedule,
                          int64_t slot)
{
    CHECK(schedule->samples > 0 && slot >= 0, "no slot %lld over %lld samples", (long long)slot,
          (long long)schedule->samples);
    const int64_t epoch = slot / schedule->samples, place = slot % schedule->samples;
    const int64_t window = place / WINDOW_SAMPLES, window_start = window * WINDOW_SAMPLES;
    const int64_t left = schedule->samples - window_start;
    const int64_t length = left < WINDOW_SAMPLES ? left : WINDOW_SAMPLES;

    enter_window(walk, schedule->seed, epoch, window);
    const int64_t shuffled =
        window_start + keyed_permutation(walk->window_key, length, place - window_start);
    const int64_t block =
        shuffled_block(walk, schedule->samples / SCHEDULE_BLOCK, shuffled / SCHEDULE_BLOCK);
    return block * SCHEDULE_BLOCK + shuffled % SCHEDULE_BLOCK;
}

int64_t batch_schedule_sample(const struct batch_schedule *schedule, int64_t slot)
{
    struct batch_walk walk = { 0 };
    return batch_walk_sample(&walk, schedule, slot);
}
