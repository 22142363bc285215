#include "shards/reading/mixture_schedule.h"

#include "base/status.h"
#include "shards/reading/keyed_permutation.h"

/* x * weight / sum, rounded down: how many of the first x slots fall to a corpus. */
static int64_t share_of(int64_t x, int64_t weight, int64_t sum)
{
    return (int64_t)((unsigned __int128)x * (uint64_t)weight / (uint64_t)sum);
}

static int64_t shuffled(uint64_t seed, int64_t slot)
{
    const int64_t block = slot / MIXTURE_BLOCK;
    const struct philox_key key = keyed_permutation_key(seed, RANDOM_MIXTURE, block, 0);
    return block * MIXTURE_BLOCK + keyed_permutation(key, MIXTURE_BLOCK, slot % MIXTURE_BLOCK);
}

/* The slots that are no corpus' before `part` are counted anew for the corpora after it. */
static void find_part(const struct mixture_schedule *schedule, int64_t slot,
                      struct mixture_place *out)
{
    int64_t sum = 0, at = shuffled(schedule->seed, slot);
    for (int i = 0; i < schedule->count; i++)
        sum += schedule->weights[i];
    for (out->part = 0; out->part < schedule->count - 1; out->part++) {
        const int64_t weight = schedule->weights[out->part];
        const int64_t before = share_of(at, weight, sum);
        if (share_of(at + 1, weight, sum) > before) {
            at = before;
            break;
        }
        at -= before;
        sum -= weight;
    }
    out->slot = at;
}

static struct mixture_place own_slot(const struct mixture_schedule *schedule, int64_t slot)
{
    struct mixture_place place = { .slot = slot };
    CHECK(schedule->count > 0 && slot >= 0, "no slot %lld of %d corpora", (long long)slot,
          schedule->count);
    if (schedule->count > 1)
        find_part(schedule, slot, &place);
    return place;
}

struct mixture_place mixture_walk_place(struct mixture_walk *walk,
                                        const struct mixture_schedule *schedule, int64_t slot)
{
    struct mixture_place place = own_slot(schedule, slot);
    const struct batch_schedule own = { schedule->seed, schedule->samples[place.part] };
    place.sample = batch_walk_sample(&walk->parts[place.part], &own, place.slot);
    return place;
}

struct mixture_place mixture_schedule_place(const struct mixture_schedule *schedule, int64_t slot)
{
    struct mixture_place place = own_slot(schedule, slot);
    const struct batch_schedule own = { schedule->seed, schedule->samples[place.part] };
    place.sample = batch_schedule_sample(&own, place.slot);
    return place;
}
