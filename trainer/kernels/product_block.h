/* product_block: a block of a product in one thread. Private to product.c. */
#ifndef TRAINER_KERNELS_PRODUCT_BLOCK_H
#define TRAINER_KERNELS_PRODUCT_BLOCK_H

#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/product.h"

enum { PARTS_MOST = 2 };

/* A block's rows, but for the last block's, are a multiple of two tiles. */
enum { ROWS_MULTIPLE = 2 * TILE_SIDE };

/* Rows and columns of C, and a stretch of K. */
struct product_range {
    int64_t row, rows, column, columns, k, depth;
};

/* Right tiles of a block's columns, packed for all threads; tiles NULL: the thread packs them. */
struct packed_right {
    const real *tiles; /* units */
    int64_t stride;
};

/* Whether C is stored in another form than it is summed in. */
bool product_has_output(const struct product *product);

/* C's columns come in so many parts (SwiGLU: gate and up), of which a block takes the same. */
int64_t product_parts(const struct product *product);

/* B without its first k rows and its first columns. */
struct matrix product_right(const struct product *product, int64_t k, int64_t column);

/* The product of a range; one whose k > 0 goes on with what is in C. */
struct product product_cut(const struct product *whole, const struct product_range *range);

/* K is summed in stretches of so many tiles, as equal as they can be. */
int64_t product_stretch(const struct kernels *kernels, int64_t K);

/* The most rows of a block: at most LEFT_ROWS, and with an output no more than the left tiles hold
 * over all of K. */
int64_t product_rows_at_once(const struct kernels *kernels, const struct product *product);

/* `range` of the first part's columns, and the same of the others; at most product_rows_at_once
 * rows. With an output the range has all of K. packed: for each part. */
void product_block_run(struct kernels *kernels, int thread, const struct product *whole,
                       const struct product_range *range, const struct packed_right packed[]);

#endif
