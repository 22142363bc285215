/* bf16_math: a bf16 is the upper half of a float.
 *
 * Loops over rows of either element are written once, as an ALWAYS_INLINE function of the
 * element, and called twice with a constant, so that each call becomes a loop of its own:
 *
 *   if (element == ELEMENT_REAL)
 *       rows_of(ELEMENT_REAL, ...);
 *   else
 *       rows_of(ELEMENT_BF16, ...);
 */
#ifndef TRAINER_KERNELS_LOOPS_BF16_MATH_H
#define TRAINER_KERNELS_LOOPS_BF16_MATH_H

#include "trainer/kernels/tiles.h"

union float_bits {
    float value;
    uint32_t bits;
};

/* To the nearest, ties to even; NaN stays NaN. The bits are those of a float. */
static inline uint32_t bf16_rounded_bits(real x)
{
    union float_bits f = { .value = (float)x };
    uint32_t rounded = f.bits + 0x7fff + (f.bits >> 16 & 1);
    uint32_t quiet = f.bits | 0x400000;
    return (x != x ? quiet : rounded) & 0xffff0000u;
}

/* The same, but that NaN is the one quiet NaN: what rows are stored by, in less instructions. */
static inline bf16 bf16_from_real(real x)
{
    union float_bits f = { .value = (float)x };
    uint32_t rounded = f.bits + 0x7fff + (f.bits >> 16 & 1);
    return (bf16)((x != x ? 0x7fc00000u : rounded) >> 16);
}

static inline real bf16_to_real(bf16 x)
{
    union float_bits f = { .bits = (uint32_t)x << 16 };
    return (real)f.value;
}

/* The halves of a pair: the even element is the lower one. */
static inline real bf16_even(uint32_t pair)
{
    union float_bits f = { .bits = pair << 16 };
    return (real)f.value;
}

static inline real bf16_odd(uint32_t pair)
{
    union float_bits f = { .bits = pair & 0xffff0000u };
    return (real)f.value;
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE real element_load(enum element element, const void *values, int64_t i)
{
    return element == ELEMENT_REAL ? ((const real *)values)[i]
                                   : bf16_to_real(((const bf16 *)values)[i]);
}

ALWAYS_INLINE void element_store(enum element element, void *values, int64_t i, real x)
{
    if (element == ELEMENT_REAL)
        ((real *)values)[i] = x;
    else
        ((bf16 *)values)[i] = bf16_from_real(x);
}

#endif
