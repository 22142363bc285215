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

#if defined(__AVX512BF16__) && !defined(EON_REAL_IS_DOUBLE)
#define BF16_INSTRUCTIONS
#include <immintrin.h>
#endif

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

/* 32 reals become bf16. The set that has an instruction for it takes denormals for zeros. */
ALWAYS_INLINE void bf16_from_32(const real *x, bf16 *out)
{
#ifdef BF16_INSTRUCTIONS
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x));
    _mm512_storeu_si512(out, (__m512i)both);
#else
    for (int i = 0; i < 32; i++)
        out[i] = bf16_from_real(x[i]);
#endif
}

ALWAYS_INLINE void bf16_from_reals(const real *restrict x, bf16 *restrict out, int64_t count)
{
    int64_t i = 0;
    for (; i + 32 <= count; i += 32)
        bf16_from_32(x + i, out + i);
    for (; i < count; i++)
        out[i] = bf16_from_real(x[i]);
}

#endif
