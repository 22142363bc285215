#include "shards/reading/batch_schedule.h"

#include "base/status.h"
#include "shards/reading/keyed_permutation.h"

int64_t batch_schedule_sample(const struct batch_schedule *schedule, int64_t slot)
{
    CHECK(schedule->samples > 0 && slot >= 0, "no slot %lld over %lld samples", (long long)slot,
          (long long)schedule->samples);
    const int64_t window_length = SCHEDULE_WINDOW * SCHEDULE_BLOCK;
    const int64_t epoch = slot / schedule->samples, place = slot % schedule->samples;

    const int64_t window = place / window_length, window_start = window * window_length;
    const int64_t left = schedule->samples - window_start;
    const int64_t length = left < window_length ? left : window_length;
    const int64_t shuffled =
        window_start + keyed_permutation(keyed_permutation_key(
                                             schedule->seed, RANDOM_SHUFFLE_WINDOW, epoch, window),
                                         length, place - window_start);

    const int64_t full_blocks = schedule->samples / SCHEDULE_BLOCK;
    int64_t block = shuffled / SCHEDULE_BLOCK;
    if (block < full_blocks)
        block = keyed_permutation(
            keyed_permutation_key(schedule->seed, RANDOM_SHUFFLE_BLOCKS, epoch, 0), full_blocks,
            block);
    return block * SCHEDULE_BLOCK + shuffled % SCHEDULE_BLOCK;
}
