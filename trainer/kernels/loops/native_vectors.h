/* native_vectors: as many reals as one register of the set holds, and what is computed on them.
 *
 * For loops in which a lane never meets another one, so that it does not matter how many lanes a
 * register has: all sets give the same bits. Where gcc's vectoriser keeps sums of such loops in
 * memory, these stay in registers.
 */
#ifndef TRAINER_KERNELS_LOOPS_NATIVE_VECTORS_H
#define TRAINER_KERNELS_LOOPS_NATIVE_VECTORS_H

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "trainer/kernels/loops/bf16_math.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define VECTOR_LANES ((int)(VECTOR_BYTES / sizeof(real)))

/* In memory they begin at any real. */
#ifdef EON_REAL_IS_DOUBLE
typedef int64_t lane_bits __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
#else
typedef int32_t lane_bits __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
#endif
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

ALWAYS_INLINE vector vector_at(const real *x)
{
    return *(const vector *)x;
}

ALWAYS_INLINE void vector_put(real *x, vector value)
{
    *(vector *)x = value;
}

/* Past the caches, where the address allows it: for what is not read again soon. To fetch its lines
 * first, only to overwrite them, would cost as much memory traffic again. Other threads see it
 * once this one has run a locked instruction, as the thread pool does at the end of a block. */
ALWAYS_INLINE void vector_stream(real *x, vector value)
{
#if defined(__SSE2__) && !defined(EON_REAL_IS_DOUBLE)
    if ((uintptr_t)x % VECTOR_BYTES == 0) {
#if VECTOR_BYTES == 64
        _mm512_stream_ps(x, (__m512)value);
#elif VECTOR_BYTES == 32
        _mm256_stream_ps(x, (__m256)value);
#else
        _mm_stream_ps(x, (__m128)value);
#endif
        return;
    }
#endif
    vector_put(x, value);
}

ALWAYS_INLINE vector vector_of(real x)
{
    return x - (vector){ 0 };
}

/* x, or zero where the mask is. */
ALWAYS_INLINE vector vector_where(lane_bits mask, vector x)
{
    return (vector)(mask & (lane_bits)x);
}

ALWAYS_INLINE vector vector_select(lane_bits mask, vector x, vector otherwise)
{
    return (vector)((mask & (lane_bits)x) | (~mask & (lane_bits)otherwise));
}

/* a > b ? a : b, so that of a NaN and a number it is b: MAXPS, which gcc does not find. */
ALWAYS_INLINE vector vector_max(vector a, vector b)
{
#if defined(__AVX512F__) && !defined(EON_REAL_IS_DOUBLE)
    return (vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && !defined(EON_REAL_IS_DOUBLE)
    return (vector)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__) && !defined(EON_REAL_IS_DOUBLE)
    return (vector)_mm_max_ps((__m128)a, (__m128)b);
#else
    return vector_select((lane_bits)(a > b), a, b);
#endif
}

/* How near powers of two come: what is then rounded to bf16 needs no more than the former. */
enum precision { NEAR_BF16, NEAR_REAL };

#ifdef EON_REAL_IS_DOUBLE

#include "base/portable_math.h"

/* Below 2^-126 a float's power of two is no normal number; both reals end there. */
ALWAYS_INLINE vector vector_exp2(vector x, const enum precision precision)
{
    (void)precision;
    for (int i = 0; i < VECTOR_LANES; i++)
        x[i] = portable_exp((x[i] < -126 ? -126 : x[i]) * 0.69314718055994530942);
    return x;
}

#else

typedef uint32_t vector_units __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

/* 2^x for x <= 127, and 2^-126 below -126; NaN stays NaN. x = n + r with |r| <= 1/2, and 2^r by
 * the polynomial whose relative error is least (Remez): 2.7e-6, or 1e-7 with what is rounded. */
ALWAYS_INLINE vector vector_exp2(vector x, const enum precision precision)
{
    /* Adding 1.5 2^23 rounds to an integer; and with 127, the exponent's bias, more, the low bits
     * of the sum are those of 2^n's exponent. */
    const vector round_shift = vector_of(12582912.0f + 127.0f);
    x = vector_max(vector_of(-126.0f), x);
    const vector shifted = x + round_shift;
    const vector r = x - (shifted - round_shift);
    vector p;
    if (precision == NEAR_BF16) {
        p = vector_of(0x1.3997d6p-7f);
        p = p * r + 0x1.ca1440p-5f;
        p = p * r + 0x1.ec06dap-3f;
        p = p * r + 0x1.62e0dcp-1f;
        p = p * r + 0x1.ffffe8p-1f;
    } else {
        p = vector_of(0x1.41d334p-13f);
        p = p * r + 0x1.5f456ap-10f;
        p = p * r + 0x1.3b2dbcp-7f;
        p = p * r + 0x1.c6aed4p-5f;
        p = p * r + 0x1.ebfbdap-3f;
        p = p * r + 0x1.62e430p-1f;
        p = p * r + 1.0f;
    }
    return p * (vector)((vector_units)shifted << 23);
}

typedef uint16_t vector_halves __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint16_t half_vector __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2), may_alias));

/* In the upper halves: bf16_rounded_bits, where the lower halves are not cleared. */
ALWAYS_INLINE vector_units vector_rounded(vector x)
{
    const vector_units bits = (vector_units)x;
    const vector_units rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (vector_units)vector_select(x == x, (vector)rounded, (vector)(bits | 0x400000));
}

/* The same to the nearest, but ties away from zero, for what only a product reads: a sixth of the
 * instructions. NaN stays NaN, unless its payload is all ones, which no operation makes. */
ALWAYS_INLINE vector_units vector_nearest(vector x)
{
    return (vector_units)x + 0x8000;
}

/* The upper halves: one vector, or two neighbours in a row. */
ALWAYS_INLINE half_vector vector_narrowed(vector_units units)
{
    return __builtin_convertvector(units >> 16, half_vector);
}

ALWAYS_INLINE vector_halves vector_upper_halves(vector_units first, vector_units second)
{
#if VECTOR_BYTES == 64
    const vector_halves odd = { 1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63 };
#elif VECTOR_BYTES == 32
    const vector_halves odd = { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31 };
#else
    const vector_halves odd = { 1, 3, 5, 7, 9, 11, 13, 15 };
#endif
    return __builtin_shuffle((vector_halves)first, (vector_halves)second, odd);
}

/* Pairs of an even and an odd row's elements, lane by lane. */
ALWAYS_INLINE vector_units vector_pairs(vector_units even, vector_units odd)
{
    return even >> 16 | (odd & 0xffff0000u);
}

#endif

#endif
