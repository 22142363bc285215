/* lanes: sums in an order that every instruction set can follow.
 *
 * Element i is added to lane i mod 16, in vector body and tail alike, and the
 * lanes are folded pairwise at the end. 16 floats are four SSE, two AVX or one
 * AVX-512 register, so the compiler vectorises the inner loop for each of them,
 * and the bits are the same for all.
 */
#ifndef TRAINER_KERNELS_LOOPS_LANES_H
#define TRAINER_KERNELS_LOOPS_LANES_H

#include <stdint.h>

#include "trainer/kernels/real.h"

#define LANES 16

/* Unrolled, the lanes of one step would be seen as 16 sums apart, and 16 steps transposed. */
#define FOR_LANES(j) _Pragma("GCC unroll 1") for (int j = 0; j < LANES; j++)

static inline real lanes_total(real lane[LANES])
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            lane[j] += lane[j + width];
    return lane[0];
}

static inline double double_lanes_total(double lane[LANES])
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            lane[j] += lane[j + width];
    return lane[0];
}

static inline real lanes_sum(const real *x, int64_t count)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        FOR_LANES (j)
            lane[j] += x[i + j];
    for (int j = 0; i + j < count; j++)
        lane[j] += x[i + j];
    return lanes_total(lane);
}

static inline real lanes_dot(const real *a, const real *b, int64_t count)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        FOR_LANES (j)
            lane[j] += a[i + j] * b[i + j];
    for (int j = 0; i + j < count; j++)
        lane[j] += a[i + j] * b[i + j];
    return lanes_total(lane);
}

/* count >= 1. A NaN may be passed over; it shows in the sum that follows. */
static inline real lanes_max(const real *x, int64_t count)
{
    real lane[LANES];
    for (int j = 0; j < LANES; j++)
        lane[j] = x[0];
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        FOR_LANES (j)
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int j = 0; i + j < count; j++)
        lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            lane[j] = lane[j + width] > lane[j] ? lane[j + width] : lane[j];
    return lane[0];
}

#endif
