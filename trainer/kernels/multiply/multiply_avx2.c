#include "trainer/kernels/multiply/multiply.h"

#include <immintrin.h>

/* A block of C in pieces of 4 x 16, which stay in eight registers. */
enum { PIECE_ROWS = 4, LANES = 8 };

struct piece {
    const uint32_t *A, *B;
    int64_t depth, rows, columns; /* 1 to 4, 1 to 16 */
    float *C;
    int64_t ldc;
    bool add;
};

static inline __m256i first_lanes(int64_t count)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
}

static inline __m256 even_floats(__m256i pairs)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}

static inline __m256 odd_floats(__m256i pairs)
{
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000u)));
}

static inline __attribute__((always_inline)) __m256 step(__m256 sum, __m256i a, __m256i b,
                                                         bool pairs)
{
    if (pairs)
        return _mm256_fmadd_ps(even_floats(a), even_floats(b),
                               _mm256_fmadd_ps(odd_floats(a), odd_floats(b), sum));
    return _mm256_fmadd_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), sum);
}

static inline __attribute__((always_inline)) void multiply_piece(const struct piece *p,
                                                                 const bool pairs)
{
    const uint32_t *a = p->A, *b = p->B;
    const __m256i low = first_lanes(p->columns), high = first_lanes(p->columns - LANES);
    __m256 sum[PIECE_ROWS][2];
#pragma GCC unroll 4
    for (int r = 0; r < PIECE_ROWS; r++) {
        const float *C = p->C + r * p->ldc;
        const bool from_C = p->add && r < p->rows;
        sum[r][0] = from_C ? _mm256_maskload_ps(C, low) : _mm256_setzero_ps();
        sum[r][1] = from_C ? _mm256_maskload_ps(C + LANES, high) : _mm256_setzero_ps();
    }
    for (int64_t k = 0; k < p->depth; k++, a += TILE_UNITS, b += TILE_UNITS)
        for (int u = 0; u < TILE_SIDE; u++) {
            const __m256i *right = (const __m256i *)(b + TILE_SIDE * u);
            const __m256i b0 = _mm256_loadu_si256(right), b1 = _mm256_loadu_si256(right + 1);
#pragma GCC unroll 4
            for (int r = 0; r < PIECE_ROWS; r++) {
                const __m256i left = _mm256_set1_epi32((int)a[TILE_SIDE * r + u]);
                sum[r][0] = step(sum[r][0], left, b0, pairs);
                sum[r][1] = step(sum[r][1], left, b1, pairs);
            }
        }
#pragma GCC unroll 4
    for (int r = 0; r < PIECE_ROWS; r++)
        if (r < p->rows) {
            _mm256_maskstore_ps(p->C + r * p->ldc, low, sum[r][0]);
            _mm256_maskstore_ps(p->C + r * p->ldc + LANES, high, sum[r][1]);
        }
}

static inline __attribute__((always_inline)) void multiply_walk(const struct tile_product *product,
                                                                const bool pairs)
{
    for (int64_t c = 0; c < product->columns; c += TILE_SIDE)
        for (int64_t r = 0; r < product->rows; r += PIECE_ROWS) {
            struct piece piece = {
                .A = (const uint32_t *)product->A + r / TILE_SIDE * product->A_stride * TILE_UNITS +
                     r % TILE_SIDE * TILE_SIDE,
                .B = (const uint32_t *)product->B + c / TILE_SIDE * product->B_stride * TILE_UNITS,
                .depth = product->depth,
                .rows = product->rows - r,
                .columns = product->columns - c,
                .C = product->C + r * product->ldc + c,
                .ldc = product->ldc,
                .add = product->add,
            };
            multiply_piece(&piece, pairs);
        }
}

void multiply_real_avx2(const struct tile_product *product)
{
    multiply_walk(product, false);
}

void multiply_bf16_avx2(const struct tile_product *product)
{
    multiply_walk(product, true);
}

int64_t ceiling_avx2(int64_t rounds)
{
    enum { CHAINS = 12 };
    __m256 sum[CHAINS];
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++) {
        sum[c] = _mm256_setzero_ps();
        __asm__ volatile("" : "+x"(sum[c])); /* not known to be equal */
    }
    __m256 a = _mm256_set1_ps(0.5f), b = a;
    for (int64_t i = 0; i < rounds; i++) {
        __asm__ volatile("" : "+x"(a), "+x"(b)); /* each round does all of its work */
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            sum[c] = _mm256_fmadd_ps(a, b, sum[c]);
    }
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        __asm__ volatile("" : : "x"(sum[c]));
    return rounds * CHAINS * LANES * 2;
}
