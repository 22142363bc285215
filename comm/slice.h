/* slice: which rank owns which part of the parameters.
 *
 * The flat vector of `count` elements is cut into blocks of SLICE_BLOCK; each
 * rank owns a contiguous range of whole blocks. Sums over blocks (the gradient
 * norm) are kept per block, so they do not depend on who owns them.
 *
 *   blocks   0 1 2 3 | 4 5 6 | 7 8 9(short)        3 ranks, 10 blocks
 */
#ifndef COMM_SLICE_H
#define COMM_SLICE_H

#include "comm/world.h"

#define SLICE_BLOCK ((int64_t)65536)

struct slice {
    int64_t begin, end; /* elements; begin == end: owns nothing */
};

struct slice slice_of_rank(int64_t count, int rank, int size);
int64_t slice_block_count(int64_t count);

/* Collective. Every rank has filled in the values of its own blocks, one double each; afterwards
 * all hold all of them. */
void slice_gather_block_values(const struct world *world, double *block_values, int64_t count);

#endif
