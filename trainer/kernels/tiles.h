/* tiles: the form in which the matrix kernels read their operands.
 *
 * A tile is 16 rows of 16 units, 1 KiB where `real` is a float. A unit is what one
 * lane of a multiply-add takes: a real, or a pair of bf16 that are neighbours along K.
 * The same tile feeds a fused multiply-add, a bf16 dot product, and an AMX register.
 *
 *   left operand A[M,K]                      right operand B[K,N]
 *       K ->   tile (0,0)  tile (0,1)            N ->   tile (0,0)  tile (0,1)
 *   M   +-----------------+--------          K   +-----------------+--------
 *   |   | a00 a01 ... a0f | a0,16            |   | b00 b01 ... b0f | b0,16
 *   v   | a10 a11 ...     |                  v   | b10 ...         |     unit (u, c) is B[u][c],
 *       |   unit (r, u) is A[r][u],              |                 |     or B[2u][c], B[2u+1][c]
 *       |   or A[r][2u], A[r][2u+1]
 *
 *   in memory: left tile (i, k) is tile i stride + k, right tile (k, j) is tile j stride + k
 *
 * What lies beyond the matrix is zero. An element of C is summed over stretches of K of a fixed
 * length (product_stretch): one chain of fused multiply-adds from zero for each, which are
 * added to C in their order. So neither the blocks in which a product is computed, nor the
 * threads, can change its bits:
 *
 *   real   s = fma(a[k], b[k], s)                            for k = 0, 1, 2, ...
 *   bf16   s = fma(a[2u], b[2u], fma(a[2u+1], b[2u+1], s))   for u = 0, 1, 2, ...
 *   C = C + s                                                for each stretch
 *
 * which is what VDPBF16PS computes (Intel SDM; the same on Zen 4). Exceptions, each with bits
 * of its own: `reference` rounds between multiplication and addition; `amx` sums the even and
 * the odd products of each tile apart (Intel SDM, TDPBF16PS), with denormals as zeros:
 *
 *   even = fma(a[2u], b[2u], even), odd = fma(a[2u+1], b[2u+1], odd)   from 0, for u = 0 ... 15
 *   s = s + (even + odd)                                               for each tile along K
 */
#ifndef TRAINER_KERNELS_TILES_H
#define TRAINER_KERNELS_TILES_H

#include <stdbool.h>
#include <stdint.h>

#include "trainer/kernels/real.h"

enum { TILE_SIDE = 16, TILE_UNITS = TILE_SIDE * TILE_SIDE };

/* How a matrix lies in memory; and what products multiply. */
enum element { ELEMENT_REAL, ELEMENT_BF16, ELEMENTS };

typedef uint16_t bf16; /* the upper half of a float; conversion rounds to nearest even */

static inline int64_t element_bytes(enum element element)
{
    return element == ELEMENT_REAL ? (int64_t)sizeof(real) : (int64_t)sizeof(bf16);
}

/* Elements along K in one tile of operands of this element. */
static inline int64_t tile_depth(enum element element)
{
    return element == ELEMENT_REAL ? TILE_SIDE : 2 * TILE_SIDE;
}

static inline int64_t tiles_across(int64_t length, int64_t side)
{
    return (length + side - 1) / side;
}

/* A matrix in memory, row-major. */
struct matrix {
    const void *values;
    enum element element;
    int64_t ld;      /* elements between stored rows */
    bool transposed; /* the stored matrix is the transpose of the one that is meant */
};

/* Memory that is read next: rows of so many bytes, `stride` bytes apart. A wish to have it in the
 * second-level cache by then, which a kernel may decline. */
struct fetch {
    const void *from;
    int64_t stride, row_bytes, rows;
};

/* C[rows,columns] (+)= A B for operands in tiles, in one thread. */
struct tile_product {
    const void *A; /* left tiles */
    const void *B; /* right tiles */
    int64_t A_stride, B_stride;
    int64_t rows, columns; /* need not be multiples of TILE_SIDE: C's edges are respected */
    int64_t depth;         /* tiles along K */
    real *C;
    int64_t ldc;
    bool add; /* the chains go on from C; otherwise they start at zero */
    struct fetch next;
};

/* One element type's operations on tiles. */
struct tile_loops {
    void (*multiply)(const struct tile_product *product);
    /* Tiles of the matrix' first rows and columns, from any element to this one. */
    void (*pack_left)(const struct matrix *A, int64_t rows, int64_t depth, void *tiles,
                      int64_t stride);
    void (*pack_right)(const struct matrix *B, int64_t depth, int64_t columns, void *tiles,
                       int64_t stride);
    /* What this element keeps of reals, and back. */
    void (*store)(const real *x, void *out, int64_t count);
    void (*load)(const void *x, real *out, int64_t count);
    /* The operation of `multiply` again and again, on registers alone: what the CPU reaches
     * without memory. Returns the floating-point operations of so many rounds. */
    int64_t (*ceiling)(int64_t rounds);
    int64_t panel;   /* columns of C that `multiply` computes best at once: a multiple of 16 */
    int64_t stretch; /* tiles along K that one chain may sum at most */
    /* What a product costs beside its multiplications, in multiplications for each k: to pack a
     * row of A or a column of B, and to read a column of B from a cache that is shared. Measured.
     */
    double pack_cost, read_cost;
};

#endif
