/* transpose: a tile of 16 x 16 units turned over, in the registers that the set has.
 *
 * In steps after Eklundh, "A fast computer method for matrix transposing" (1972): step s
 * exchanges, in rows i and i + s, the units whose column has bit s set in i with those that have
 * it not.
 *
 *   i      a0 a1 a2 a3         a0 b0 a2 b2
 *   i + 1  b0 b1 b2 b3   ->    a1 b1 a3 b3        s = 1
 */
#ifndef TRAINER_KERNELS_LOOPS_TRANSPOSE_H
#define TRAINER_KERNELS_LOOPS_TRANSPOSE_H

#include <stdint.h>

#include "trainer/kernels/tiles.h"

/* Bits are moved, whatever they mean. */
#ifdef EON_REAL_IS_DOUBLE
typedef uint64_t __attribute__((may_alias)) tile_unit;
#else
typedef uint32_t __attribute__((may_alias)) tile_unit;
#endif

#if defined(__AVX512F__) && !defined(EON_REAL_IS_DOUBLE)
#include <immintrin.h>

/* The same unit of rows i and i + s, for a constant s: which units each takes from the two. */
static inline __attribute__((always_inline)) void exchange_units(__m512i row[TILE_SIDE], int s)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 has_bit = _mm512_test_epi32_mask(lane, _mm512_set1_epi32(s));
    const __m512i second = _mm512_set1_epi32(TILE_SIDE); /* from the second operand */
    const __m512i first_row =
        _mm512_mask_sub_epi32(lane, has_bit, _mm512_add_epi32(lane, second), _mm512_set1_epi32(s));
    const __m512i second_row = _mm512_add_epi32(first_row, _mm512_set1_epi32(s));
#pragma GCC unroll 16
    for (int i = 0; i < TILE_SIDE; i++)
        if (!(i & s)) {
            const __m512i a = row[i], b = row[i + s];
            row[i] = _mm512_permutex2var_epi32(a, first_row, b);
            row[i + s] = _mm512_permutex2var_epi32(a, second_row, b);
        }
}

static inline void transpose_tile(tile_unit *tile)
{
    __m512i row[TILE_SIDE];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_SIDE; i++)
        row[i] = _mm512_loadu_si512(tile + TILE_SIDE * i);
    exchange_units(row, 8);
    exchange_units(row, 4);
    exchange_units(row, 2);
    exchange_units(row, 1);
#pragma GCC unroll 16
    for (int i = 0; i < TILE_SIDE; i++)
        _mm512_storeu_si512(tile + TILE_SIDE * i, row[i]);
}

#elif defined(__AVX2__) && !defined(EON_REAL_IS_DOUBLE)
#include <immintrin.h>

enum { QUARTER_SIDE = TILE_SIDE / 2 };

/* Rows TILE_SIDE apart. First columns 0 and 4, 1 and 5, ... are brought together. */
static inline __attribute__((always_inline)) void transpose_quarter(const tile_unit *from,
                                                                    __m256 out[QUARTER_SIDE])
{
    __m256 half[QUARTER_SIDE];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            const float *row = (const float *)from + TILE_SIDE * i + 4 * h;
            half[4 * h + i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)),
                                                   _mm_loadu_ps(row + TILE_SIDE * 4), 1);
        }
#pragma GCC unroll 2
    for (int h = 0; h < QUARTER_SIDE; h += 4) {
        const __m256 low01 = _mm256_unpacklo_ps(half[h], half[h + 1]);
        const __m256 low23 = _mm256_unpacklo_ps(half[h + 2], half[h + 3]);
        const __m256 high01 = _mm256_unpackhi_ps(half[h], half[h + 1]);
        const __m256 high23 = _mm256_unpackhi_ps(half[h + 2], half[h + 3]);
        out[h] = _mm256_shuffle_ps(low01, low23, _MM_SHUFFLE(1, 0, 1, 0));
        out[h + 1] = _mm256_shuffle_ps(low01, low23, _MM_SHUFFLE(3, 2, 3, 2));
        out[h + 2] = _mm256_shuffle_ps(high01, high23, _MM_SHUFFLE(1, 0, 1, 0));
        out[h + 3] = _mm256_shuffle_ps(high01, high23, _MM_SHUFFLE(3, 2, 3, 2));
    }
}

static inline __attribute__((always_inline)) void store_quarter(const __m256 rows[QUARTER_SIDE],
                                                                tile_unit *to)
{
#pragma GCC unroll 8
    for (int i = 0; i < QUARTER_SIDE; i++)
        _mm256_storeu_ps((float *)to + TILE_SIDE * i, rows[i]);
}

static inline void transpose_tile(tile_unit *tile)
{
    const int across = QUARTER_SIDE, down = TILE_SIDE * QUARTER_SIDE;
    __m256 first[QUARTER_SIDE], second[QUARTER_SIDE];
    transpose_quarter(tile, first);
    store_quarter(first, tile);
    transpose_quarter(tile + across + down, first);
    store_quarter(first, tile + across + down);
    transpose_quarter(tile + across, first);
    transpose_quarter(tile + down, second);
    store_quarter(first, tile + down);
    store_quarter(second, tile + across);
}

#else

static inline void transpose_tile(tile_unit *tile)
{
    for (int i = 0; i < TILE_SIDE; i++)
        for (int j = 0; j < i; j++) {
            tile_unit swapped = tile[TILE_SIDE * i + j];
            tile[TILE_SIDE * i + j] = tile[TILE_SIDE * j + i];
            tile[TILE_SIDE * j + i] = swapped;
        }
}

#endif

#endif
