/* exponentials: what the softmaxes of attention and of the loss have in common. */
#ifndef TRAINER_KERNELS_LOOPS_EXPONENTIALS_H
#define TRAINER_KERNELS_LOOPS_EXPONENTIALS_H

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/real_math.h"

/* x becomes exp(scale x - shift), where that is at most 1; returns the sum. What lies `ahead` is
 * fetched meanwhile; 0: nothing. */
ALWAYS_INLINE real exponentials_fetching(real *x, real scale, real shift, int64_t count,
                                         int64_t ahead)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        real held[LANES];
        if (ahead)
            __builtin_prefetch(x + i + ahead);
        FOR_LANES (j)
            held[j] = held_from_below(x[i + j] * scale - shift);
        FOR_LANES (j) {
            x[i + j] = exp_of_held(held[j]);
            lane[j] += x[i + j];
        }
    }
    for (int j = 0; i + j < count; j++) {
        x[i + j] = exp_of_held(held_from_below(x[i + j] * scale - shift));
        lane[j] += x[i + j];
    }
    return lanes_total(lane);
}

static inline real exponentials(real *x, real scale, real shift, int64_t count)
{
    return exponentials_fetching(x, scale, shift, count, 0);
}

#endif
