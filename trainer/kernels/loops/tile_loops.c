/* Tiles: packing (packing.h), and the portable product. See tiles.h for the forms. */
#include <string.h>

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/packing.h"

#define SIDE TILE_SIDE

static int64_t within(int64_t value, int64_t largest)
{
    return value < 0 ? 0 : value < largest ? value : largest;
}

/* C += A B over one tile of depth: the sums of 4 rows at a time stay in registers. */
static void multiply_strip(const real *restrict a, const real *restrict b,
                           real sums[restrict 4][SIDE])
{
    for (int u = 0; u < SIDE; u++, b += SIDE)
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < SIDE; c++)
                sums[r][c] += a[SIDE * r + u] * b[c];
}

#ifndef EON_REAL_IS_DOUBLE

static void multiply_pair_strip(const uint32_t *restrict a, const uint32_t *restrict b,
                                real sums[restrict 4][SIDE])
{
    for (int u = 0; u < SIDE; u++, b += SIDE)
        for (int r = 0; r < 4; r++) {
            const real odd = bf16_odd(a[SIDE * r + u]), even = bf16_even(a[SIDE * r + u]);
            for (int c = 0; c < SIDE; c++) /* products of two bf16 are exact */
                sums[r][c] = (sums[r][c] + odd * bf16_odd(b[c])) + even * bf16_even(b[c]);
        }
}

#endif

/* Multiplies and adds of 16-byte vectors: 12 chains hide the latency of both. */
static int64_t unfused_ceiling(int64_t rounds)
{
    typedef real vector __attribute__((vector_size(16)));
    enum { CHAINS = 12, FLOPS = 2 * 16 / sizeof(real) };
    vector sum[CHAINS] = { 0 }, a = sum[0] + (real)0.5, b = sum[0] + (real)0.25;
    __asm__("" : "+m"(a), "+m"(b)); /* not known when it is compiled */
    for (int c = 0; c < CHAINS; c++)
        __asm__("" : "+m"(sum[c]));
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            sum[c] = sum[c] * a + b;
    for (int c = 0; c < CHAINS; c++)
        __asm__ volatile("" : : "m"(sum[c]));
    return rounds * CHAINS * FLOPS;
}

typedef void strip_product(const void *a, const void *b, real sums[4][SIDE]);

static void multiply_tiles(const struct tile_product *p, strip_product *multiply)
{
    const real *A = p->A, *B = p->B; /* a unit has the size of a real */
    for (int64_t row = 0; row < p->rows; row += 4)
        for (int64_t column = 0; column < p->columns; column += SIDE) {
            const int64_t rows = within(p->rows - row, 4),
                          columns = within(p->columns - column, SIDE);
            const real *a = A + row / SIDE * p->A_stride * TILE_UNITS + row % SIDE * SIDE;
            const real *b = B + column / SIDE * p->B_stride * TILE_UNITS;
            real sums[4][SIDE] = { { 0 } };
            for (int64_t r = 0; p->add && r < rows; r++)
                memcpy(sums[r], p->C + (row + r) * p->ldc + column, (size_t)columns * sizeof(real));
            for (int64_t k = 0; k < p->depth; k++)
                multiply(a + k * TILE_UNITS, b + k * TILE_UNITS, sums);
            for (int64_t r = 0; r < rows; r++)
                memcpy(p->C + (row + r) * p->ldc + column, sums[r], (size_t)columns * sizeof(real));
        }
}

static void multiply_real_strip(const void *a, const void *b, real sums[4][SIDE])
{
    multiply_strip(a, b, sums);
}

static void multiply_reals(const struct tile_product *product)
{
    multiply_tiles(product, multiply_real_strip);
}

static void pack_left_reals(const struct matrix *A, int64_t rows, int64_t depth, void *tiles,
                            int64_t stride)
{
    pack(A, true, rows, depth, false, tiles, stride);
}

static void pack_right_reals(const struct matrix *B, int64_t depth, int64_t columns, void *tiles,
                             int64_t stride)
{
    pack(B, false, columns, depth, false, tiles, stride);
}

static void store_reals(const real *x, void *out, int64_t count)
{
    memcpy(out, x, (size_t)count * sizeof(real));
}

static void load_reals(const void *x, real *out, int64_t count)
{
    memcpy(out, x, (size_t)count * sizeof(real));
}

const struct tile_loops LOOP_NAME(real_tile, KERNEL_SET) = {
    .multiply = multiply_reals,
    .pack_left = pack_left_reals,
    .pack_right = pack_right_reals,
    .store = store_reals,
    .load = load_reals,
    .ceiling = unfused_ceiling,
    .panel = 48,
    .stretch = 48,
    .pack_cost = 24,
    .read_cost = 6,
};

#ifndef EON_REAL_IS_DOUBLE

static void multiply_bf16_strip(const void *a, const void *b, real sums[4][SIDE])
{
    multiply_pair_strip(a, b, sums);
}

static void multiply_pairs(const struct tile_product *product)
{
    multiply_tiles(product, multiply_bf16_strip);
}

static void pack_left_pairs(const struct matrix *A, int64_t rows, int64_t depth, void *tiles,
                            int64_t stride)
{
    pack(A, true, rows, depth, true, tiles, stride);
}

static void pack_right_pairs(const struct matrix *B, int64_t depth, int64_t columns, void *tiles,
                             int64_t stride)
{
    pack(B, false, columns, depth, true, tiles, stride);
}

static void store_bf16(const real *x, void *out, int64_t count)
{
    bf16_from_reals(x, out, count);
}

static void load_bf16(const void *restrict x, real *restrict out, int64_t count)
{
    const bf16 *restrict values = x;
    for (int64_t i = 0; i < count; i++)
        out[i] = bf16_to_real(values[i]);
}

const struct tile_loops LOOP_NAME(bf16_tile, KERNEL_SET) = {
    .multiply = multiply_pairs,
    .pack_left = pack_left_pairs,
    .pack_right = pack_right_pairs,
    .store = store_bf16,
    .load = load_bf16,
    .ceiling = unfused_ceiling,
    .panel = 48,
    .stretch = 48,
    .pack_cost = 24,
    .read_cost = 6,
};

#endif
