/* real_math: exp, log and square root for the loops.
 *
 * The C library's expf is neither vectorised nor the same on all CPUs. Multiply-adds that are
 * written as such are fused in every set, and so the same: a CPU without them computes them slowly.
 * Here:
 * x = n ln 2 + r with |r| <= ln 2 / 2, exp(x) = 2^n exp(r), and exp(r) by
 * 1 + r + r^2 times the polynomial whose largest relative error, 3.1e-9, is the
 * least of its degree; with the rounding of the additions the
 * error stays below 2 units in the last place.
 *
 * Arguments of exp are held within [-87, 88], so that 2^n is neither denormal nor
 * infinite; NaN stays NaN. In loops the holds are passes of their own, over a few
 * numbers at once: within one, gcc follows the cases of each hold through all that
 * comes after, and blends them at its end.
 */
#ifndef TRAINER_KERNELS_LOOPS_REAL_MATH_H
#define TRAINER_KERNELS_LOOPS_REAL_MATH_H

#include <stdint.h>

#include "trainer/kernels/real.h"

#ifdef EON_REAL_IS_DOUBLE

#include "base/portable_math.h"

static inline real held_from_below(real x)
{
    return x;
}

static inline real held_from_above(real x)
{
    return x;
}

static inline real exp_of_held(real x)
{
    return portable_exp(x);
}

static inline real real_log(real x)
{
    return portable_log(x);
}

static inline real real_sqrt(real x)
{
    return __builtin_sqrt(x);
}

#else

static inline real held_from_below(real x)
{
    return x < -87.0f ? -87.0f : x;
}

static inline real held_from_above(real x)
{
    return x > 88.0f ? 88.0f : x;
}

static inline real exp_of_held(real x)
{
    const float round_shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    const float ln2_high = 0.693359375f;   /* 355 / 512: n times it is exact */
    const float ln2_low = -2.12194440e-4f; /* ln 2 - ln2_high */

    union {
        float value;
        uint32_t bits;
    } shifted = { .value = __builtin_fmaf(x, 1.44269504f, round_shift) }, power;
    float n = shifted.value - round_shift;
    float r = __builtin_fmaf(-n, ln2_low, __builtin_fmaf(-n, ln2_high, x));

    /* Even and odd terms apart: half as long a chain of operations waits for each other. */
    float r2 = r * r;
    float p = __builtin_fmaf(0.166665211f, r, 0.49999994f);
    float q = __builtin_fmaf(1.38145394e-3f, r2, __builtin_fmaf(8.36874545e-3f, r, 4.1668389e-2f));
    float exp_r = 1.0f + __builtin_fmaf(r2, __builtin_fmaf(r2, q, p), r);

    /* The low bits of `shifted` are n; 127 is the exponent's bias. */
    power.bits = (shifted.bits + 127u) << 23;
    return exp_r * power.value;
}

/* Of a normal positive x = 2^e m, m in [sqrt(1/2), sqrt(2)): e ln 2 + 2 artanh((m - 1) / (m + 1)),
 * by its series to the ninth power, which leaves 4e-9 of it. What is not finite stays. */
static inline real real_log(real x)
{
    const float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    const uint32_t lowest = 0x3f3504f3u; /* sqrt(1/2) */
    union {
        float value;
        uint32_t bits;
    } m = { .value = x };
    const int32_t e = (int32_t)(m.bits - lowest) >> 23;
    m.bits -= (uint32_t)e << 23;
    float s = (m.value - 1.0f) / (m.value + 1.0f), square = s * s;
    float sum = 2.0f / 9.0f;
    sum = sum * square + 2.0f / 7.0f;
    sum = sum * square + 2.0f / 5.0f;
    sum = sum * square + 2.0f / 3.0f;
    sum = sum * square + 2.0f;
    float log = (float)e * ln2_high + (s * sum + (float)e * ln2_low);
    return x - x == 0 ? log : x;
}

static inline real real_sqrt(real x)
{
    return __builtin_sqrtf(x);
}

#endif

static inline real real_exp(real x)
{
    return exp_of_held(held_from_above(held_from_below(x)));
}

#endif
