/* avx512_walk: a block of C in pieces of 8 x 48 that stay in registers. Included by the files
 * that define TILE_STEP(sum, a, b): one unit of a, broadcast, against 16 units of b. */
#ifndef TRAINER_KERNELS_MULTIPLY_AVX512_WALK_H
#define TRAINER_KERNELS_MULTIPLY_AVX512_WALK_H

#include <immintrin.h>

#include "trainer/kernels/tiles.h"

enum { PIECE_ROWS = 8, PIECE_TILES = 3, LAYER_TILES = 12 };

struct piece {
    const uint32_t *A, *B; /* of the piece's first row and first column of tiles */
    int64_t B_step;        /* units from one column of tiles to the next */
    int64_t depth, rows;   /* rows: 1 to 8 of them are C's */
    float *C;
    int64_t ldc;
    __mmask16 last; /* of the last column of tiles: which columns are C's */
    bool add;
};

/* `tiles` columns of tiles; a constant where it is called, so that everything unrolls. */
static inline __attribute__((always_inline)) void multiply_piece(const struct piece *p,
                                                                 const int tiles)
{
    const uint32_t *a = p->A, *b = p->B;
    __m512 sum[PIECE_ROWS][PIECE_TILES];
#pragma GCC unroll 8
    for (int r = 0; r < PIECE_ROWS; r++)
#pragma GCC unroll 3
        for (int t = 0; t < tiles; t++)
            sum[r][t] = p->add && r < p->rows
                            ? _mm512_maskz_loadu_ps(t == tiles - 1 ? p->last : 0xffff,
                                                    p->C + r * p->ldc + TILE_SIDE * t)
                            : _mm512_setzero_ps();
    for (int64_t k = 0; k < p->depth; k++, a += TILE_UNITS, b += TILE_UNITS)
        for (int u = 0; u < TILE_SIDE; u++) {
            __m512i right[PIECE_TILES];
#pragma GCC unroll 3
            for (int t = 0; t < tiles; t++)
                right[t] = _mm512_loadu_si512(b + t * p->B_step + TILE_SIDE * u);
#pragma GCC unroll 8
            for (int r = 0; r < PIECE_ROWS; r++) {
                __m512i left = _mm512_set1_epi32((int)a[TILE_SIDE * r + u]);
#pragma GCC unroll 3
                for (int t = 0; t < tiles; t++)
                    sum[r][t] = TILE_STEP(sum[r][t], left, right[t]);
            }
        }
#pragma GCC unroll 8
    for (int r = 0; r < PIECE_ROWS; r++)
        if (r < p->rows)
#pragma GCC unroll 3
            for (int t = 0; t < tiles; t++)
                _mm512_mask_storeu_ps(p->C + r * p->ldc + TILE_SIDE * t,
                                      t == tiles - 1 ? p->last : 0xffff, sum[r][t]);
}

static __attribute__((noinline)) void multiply_piece_1(const struct piece *p)
{
    multiply_piece(p, 1);
}

static __attribute__((noinline)) void multiply_piece_2(const struct piece *p)
{
    multiply_piece(p, 2);
}

static __attribute__((noinline)) void multiply_piece_3(const struct piece *p)
{
    multiply_piece(p, 3);
}

/* `depth` tiles along K from tile k on. */
static inline void multiply_layer(const struct tile_product *product, int64_t k, int64_t depth)
{
    static void (*const multiply_tiles[])(
        const struct piece *) = { multiply_piece_1, multiply_piece_2, multiply_piece_3 };
    for (int64_t c = 0; c < product->columns; c += PIECE_TILES * TILE_SIDE) {
        int64_t left = product->columns - c;
        int64_t tiles = tiles_across(left, TILE_SIDE), last = left - TILE_SIDE * (tiles - 1);
        if (tiles > PIECE_TILES) {
            tiles = PIECE_TILES;
            last = TILE_SIDE;
        }
        for (int64_t r = 0; r < product->rows; r += PIECE_ROWS) {
            int64_t rows = product->rows - r;
            struct piece piece = {
                .A = (const uint32_t *)product->A + r / TILE_SIDE * product->A_stride * TILE_UNITS +
                     r % TILE_SIDE * TILE_SIDE + k * TILE_UNITS,
                .B = (const uint32_t *)product->B +
                     (c / TILE_SIDE * product->B_stride + k) * TILE_UNITS,
                .B_step = product->B_stride * TILE_UNITS,
                .depth = depth,
                .rows = rows < PIECE_ROWS ? rows : PIECE_ROWS,
                .C = product->C + r * product->ldc + c,
                .ldc = product->ldc,
                .last = (__mmask16)(0xffff >> (TILE_SIDE - last)),
                .add = product->add || k > 0,
            };
            multiply_tiles[tiles - 1](&piece);
        }
    }
}

/* Layer by layer along K, so that a panel of B stays in the first-level cache over all rows. */
static inline void multiply_walk(const struct tile_product *product)
{
    for (int64_t k = 0; k < product->depth; k += LAYER_TILES)
        multiply_layer(product, k,
                       product->depth - k < LAYER_TILES ? product->depth - k : LAYER_TILES);
}

/* The steps of a piece without its loads: a multiply-add is two operations. */
static inline int64_t step_ceiling(int64_t rounds, int64_t multiply_adds_in_a_step)
{
    __m512 sum[PIECE_ROWS][PIECE_TILES];
#pragma GCC unroll 8
    for (int r = 0; r < PIECE_ROWS; r++)
#pragma GCC unroll 3
        for (int t = 0; t < PIECE_TILES; t++) {
            sum[r][t] = _mm512_setzero_ps();
            __asm__ volatile("" : "+v"(sum[r][t])); /* not known to be equal */
        }
    __m512i left = _mm512_set1_epi32(0x3c003c00), right = left; /* a small float, and two bf16 */
    for (int64_t i = 0; i < rounds; i++) {
        __asm__ volatile("" : "+v"(left), "+v"(right)); /* each round does all of its work */
#pragma GCC unroll 8
        for (int r = 0; r < PIECE_ROWS; r++)
#pragma GCC unroll 3
            for (int t = 0; t < PIECE_TILES; t++)
                sum[r][t] = TILE_STEP(sum[r][t], left, right);
    }
#pragma GCC unroll 8
    for (int r = 0; r < PIECE_ROWS; r++)
#pragma GCC unroll 3
        for (int t = 0; t < PIECE_TILES; t++)
            __asm__ volatile("" : : "v"(sum[r][t]));
    return rounds * PIECE_ROWS * PIECE_TILES * TILE_SIDE * 2 * multiply_adds_in_a_step;
}

#endif
