/* exponentials: what the softmaxes of attention and of the loss have in common. */
#ifndef TRAINER_KERNELS_LOOPS_EXPONENTIALS_H
#define TRAINER_KERNELS_LOOPS_EXPONENTIALS_H

#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/real_math.h"

/* x becomes exp(scale x - shift), where that is at most 1; returns the sum. */
static inline real exponentials(real *x, real scale, real shift, int64_t count)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        real held[LANES];
        FOR_LANES(j)
        held[j] = held_from_below(x[i + j] * scale - shift);
        FOR_LANES(j)
        {
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

#endif
