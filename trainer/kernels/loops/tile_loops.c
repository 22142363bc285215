/* Tiles: packing, and the portable product. See tiles.h for the forms.
 *
 * A tile is packed in two steps: 16 stored rows of 16 units each are read, where a unit of bf16
 * is a pair of neighbours in the row ("along") or of one column in two rows ("across"); then the
 * tile is transposed, where its units run the other way than the stored rows:
 *
 *                   stored as meant       stored transposed
 *   left [M,K]      along                 across, transposed
 *   right [K,N]     across                along, transposed
 */
#include <string.h>

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/loop_set.h"

#define SIDE TILE_SIDE

/* The part of a stored matrix that a tile is made of: what is beyond `rows` and `columns` is 0. */
struct tile_source {
    const struct matrix *matrix;
    int64_t row, column, rows, columns;
};

static int64_t within(int64_t value, int64_t largest)
{
    return value < 0 ? 0 : value < largest ? value : largest;
}

static void transpose_reals(real *tile)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < i; j++) {
            real swapped = tile[SIDE * i + j];
            tile[SIDE * i + j] = tile[SIDE * j + i];
            tile[SIDE * j + i] = swapped;
        }
}

static void read_reals(const struct tile_source *source, real *tile)
{
    const real *values = source->matrix->values;
    const int64_t rows = within(source->rows, SIDE), columns = within(source->columns, SIDE);
    for (int64_t r = 0; r < SIDE; r++, tile += SIDE) {
        const real *row = values + (source->row + r) * source->matrix->ld + source->column;
        if (r >= rows)
            memset(tile, 0, SIDE * sizeof *tile);
        else if (columns == SIDE)
            memcpy(tile, row, SIDE * sizeof *tile);
        else
            for (int64_t c = 0; c < SIDE; c++)
                tile[c] = c < columns ? row[c] : 0;
    }
}

static void pack_reals(const struct tile_source *source, bool along, void *tile)
{
    read_reals(source, tile);
    if (source->matrix->transposed)
        transpose_reals(tile);
    (void)along;
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

static void transpose_pairs(uint32_t *tile)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < i; j++) {
            uint32_t swapped = tile[SIDE * i + j];
            tile[SIDE * i + j] = tile[SIDE * j + i];
            tile[SIDE * j + i] = swapped;
        }
}

/* `count` elements of a stored row as bf16, zeros up to `room`. */
static void read_bf16_row(const struct tile_source *source, int64_t r, int64_t room, bf16 *out)
{
    const struct matrix *matrix = source->matrix;
    const int64_t count = r < source->rows ? within(source->columns, room) : 0;
    const int64_t at = (source->row + r) * matrix->ld + source->column;
    if (matrix->element == ELEMENT_BF16)
        memcpy(out, (const bf16 *)matrix->values + at, (size_t)count * sizeof *out);
    else if (count == room && room == 2 * SIDE)
        for (int i = 0; i < 2 * SIDE; i++)
            out[i] = bf16_from_real(((const real *)matrix->values)[at + i]);
    else
        for (int64_t i = 0; i < count; i++)
            out[i] = bf16_from_real(((const real *)matrix->values)[at + i]);
    memset(out + count, 0, (size_t)(room - count) * sizeof *out);
}

static void pack_pairs(const struct tile_source *source, bool along, void *out)
{
    uint32_t *tile = out;
    if (along)
        for (int r = 0; r < SIDE; r++)
            read_bf16_row(source, r, 2 * SIDE, (bf16 *)(tile + SIDE * r));
    else
        for (int u = 0; u < SIDE; u++) {
            bf16 even[SIDE], odd[SIDE];
            read_bf16_row(source, 2 * u, SIDE, even);
            read_bf16_row(source, 2 * u + 1, SIDE, odd);
            for (int c = 0; c < SIDE; c++)
                tile[SIDE * u + c] = (uint32_t)odd[c] << 16 | even[c];
        }
    if (source->matrix->transposed)
        transpose_pairs(tile);
}

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

/* One row or column of tiles after the other; `depth` is the matrix' length along K. */
typedef void tile_packer(const struct tile_source *source, bool along, void *tile);

static void pack(const struct matrix *matrix, bool is_left, int64_t length, int64_t depth,
                 int64_t tile_length, tile_packer *pack_tile, void *tiles, int64_t stride)
{
    const bool rows_are_depth = is_left == matrix->transposed;
    const size_t tile_bytes = TILE_UNITS * sizeof(real);
    for (int64_t i = 0; i < length; i += SIDE)
        for (int64_t k = 0; k < depth; k += tile_length) {
            struct tile_source source = { matrix, rows_are_depth ? k : i, rows_are_depth ? i : k,
                                          rows_are_depth ? depth - k : length - i,
                                          rows_are_depth ? length - i : depth - k };
            pack_tile(&source, !rows_are_depth,
                      (char *)tiles + (size_t)(i / SIDE * stride + k / tile_length) * tile_bytes);
        }
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
    pack(A, true, rows, depth, SIDE, pack_reals, tiles, stride);
}

static void pack_right_reals(const struct matrix *B, int64_t depth, int64_t columns, void *tiles,
                             int64_t stride)
{
    pack(B, false, columns, depth, SIDE, pack_reals, tiles, stride);
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
    pack(A, true, rows, depth, 2 * SIDE, pack_pairs, tiles, stride);
}

static void pack_right_pairs(const struct matrix *B, int64_t depth, int64_t columns, void *tiles,
                             int64_t stride)
{
    pack(B, false, columns, depth, 2 * SIDE, pack_pairs, tiles, stride);
}

static void store_bf16(const real *restrict x, void *restrict out, int64_t count)
{
    bf16 *restrict values = out;
    for (int64_t i = 0; i < count; i++)
        values[i] = bf16_from_real(x[i]);
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
};

#endif
