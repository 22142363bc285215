/* The plain matrix product: the same bits on every CPU.
 *
 * After Goto and van de Geijn, "Anatomy of high-performance matrix
 * multiplication" (2008): a block of A and a strip of B are packed so that the
 * innermost loop reads both in order and keeps 4 x 8 sums in registers. Sums run
 * over k in order within a panel of REFERENCE_DEPTH, and over the panels in order.
 */
#include <string.h>

#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/product.h"

enum { STRIP = 4, WIDTH = REFERENCE_COLUMNS };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rows [row, row + rows) of A, depths [k0, k0 + depth): strips of 4 rows, [strip][k][4],
 * zeros beyond the last row. */
static void pack_rows(const struct product *p, int64_t row, int64_t rows, int64_t k0, int64_t depth,
                      real *packed)
{
    for (int64_t strip = 0; strip < rows; strip += STRIP)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t i = 0; i < STRIP; i++) {
                int64_t r = row + strip + i;
                int64_t at = p->A_transposed ? (k0 + k) * p->lda + r : r * p->lda + k0 + k;
                *packed++ = strip + i < rows ? p->A[at] : 0;
            }
}

/* Columns [column, column + columns) of B, 8 at most: [k][8], zeros beyond the last. */
static void pack_columns(const struct product *p, int64_t column, int64_t columns, int64_t k0,
                         int64_t depth, real *packed)
{
    for (int64_t k = 0; k < depth; k++)
        for (int64_t j = 0; j < WIDTH; j++) {
            int64_t at =
                p->B_transposed ? (column + j) * p->ldb + k0 + k : (k0 + k) * p->ldb + column + j;
            *packed++ = j < columns ? p->B[at] : 0;
        }
}

static void strip_product(const real *restrict a, const real *restrict b, int64_t depth,
                          real sums[STRIP][WIDTH])
{
    real s0[WIDTH] = { 0 }, s1[WIDTH] = { 0 }, s2[WIDTH] = { 0 }, s3[WIDTH] = { 0 };
    for (int64_t k = 0; k < depth; k++, a += STRIP, b += WIDTH) {
        for (int j = 0; j < WIDTH; j++)
            s0[j] += a[0] * b[j];
        for (int j = 0; j < WIDTH; j++)
            s1[j] += a[1] * b[j];
        for (int j = 0; j < WIDTH; j++)
            s2[j] += a[2] * b[j];
        for (int j = 0; j < WIDTH; j++)
            s3[j] += a[3] * b[j];
    }
    memcpy(sums[0], s0, sizeof s0);
    memcpy(sums[1], s1, sizeof s1);
    memcpy(sums[2], s2, sizeof s2);
    memcpy(sums[3], s3, sizeof s3);
}

static void store_sums(real sums[STRIP][WIDTH], real *C, int64_t ldc, int64_t rows, int64_t columns,
                       bool add)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            C[i * ldc + j] = add ? C[i * ldc + j] + sums[i][j] : sums[i][j];
}

/* One packed block of A against all columns of B at depths [k0, k0 + depth). */
static void block_product(const struct product *p, int64_t row, int64_t rows, int64_t k0,
                          int64_t depth, const real *packed_rows, real *packed_columns)
{
    bool add = p->add || k0 > 0;
    for (int64_t column = 0; column < p->N; column += WIDTH) {
        int64_t columns = smaller(WIDTH, p->N - column);
        pack_columns(p, column, columns, k0, depth, packed_columns);
        for (int64_t strip = 0; strip < rows; strip += STRIP) {
            real sums[STRIP][WIDTH];
            strip_product(packed_rows + strip * depth, packed_columns, depth, sums);
            store_sums(sums, p->C + (row + strip) * p->ldc + column, p->ldc,
                       smaller(STRIP, rows - strip), columns, add);
        }
    }
}

void product_tile_reference(const struct product *tile, real *packing)
{
    real *packed_rows = packing, *packed_columns = packing + REFERENCE_ROWS * REFERENCE_DEPTH;
    for (int64_t k0 = 0; k0 < tile->K; k0 += REFERENCE_DEPTH) {
        int64_t depth = smaller(REFERENCE_DEPTH, tile->K - k0);
        for (int64_t row = 0; row < tile->M; row += REFERENCE_ROWS) {
            int64_t rows = smaller(REFERENCE_ROWS, tile->M - row);
            pack_rows(tile, row, rows, k0, depth, packed_rows);
            block_product(tile, row, rows, k0, depth, packed_rows, packed_columns);
        }
    }
}
