/* slice: which rank owns which parts of the parameters.
 *
 * The flat vector of `count` elements is cut into parts of whole blocks of
 * SLICE_BLOCK, which go round the ranks. A rank's parts together are its slice:
 * it alone adds up that part of the gradient, holds its moments and updates it.
 *
 *   parts    0  1  2 | 3  4  5 | 6  7 (short)        rank 1 of 3 owns 1, 4 and 7
 *            round 0   round 1   round 2
 *
 * So whatever stretch of the vector is ready, all ranks share the work on it.
 * Sums over blocks (the gradient norm) are kept for each block, and do not
 * depend on who owns them. Rounds are few (SLICE_ROUNDS to twice as many, or one for
 * each block of a small vector), so that what lists a slice's parts stays short.
 *
 * What a rank keeps of its slice alone (moments) lies in one piece, in the order
 * of its parts: slicing_place says where an element is in it.
 */
#ifndef COMM_SLICE_H
#define COMM_SLICE_H

#include "comm/world.h"

#define SLICE_BLOCK  ((int64_t)65536)
#define SLICE_ROUNDS ((int64_t)64)

/* Elements [begin, end) of a vector; begin == end: none. */
struct slice {
    int64_t begin, end;
};

struct slicing {
    int64_t count; /* elements of the vector */
    int64_t part;  /* elements of a part: whole blocks */
    int64_t rounds;
    int size; /* ranks */
};

/* Local, pure, all. */
struct slicing slicing_of(int64_t count, int size);
/* What `rank` owns in a round: one part, the last one short; nothing beyond the end. */
struct slice slicing_part(const struct slicing *slicing, int rank, int64_t round);
/* What travels at once: parts cut into blocks of at most `block` elements, of which unit after unit
 * has one of each rank; units ascend with the vector. Empty where a rank's part ends before. */
int64_t slicing_units(const struct slicing *slicing, int64_t block);
struct slice slicing_block(const struct slicing *slicing, int64_t block, int rank, int64_t unit);
int slicing_owner(const struct slicing *slicing, int64_t element);
/* How many elements `rank` owns. */
int64_t slicing_length(const struct slicing *slicing, int rank);
/* The place of an element within the elements of its owner, in ascending order. */
int64_t slicing_place(const struct slicing *slicing, int64_t element);
/* The element in that place of the rank's elements. */
int64_t slicing_element(const struct slicing *slicing, int rank, int64_t place);
/* How many elements below `element` the rank owns. */
int64_t slicing_below(const struct slicing *slicing, int rank, int64_t element);
/* What one rank owns of [begin, end) from `begin` on, begin < end: so a walk over a tensor goes
 * from stretch to stretch, and a stretch's owner is that of its first element. */
struct slice slicing_stretch(const struct slicing *slicing, int64_t begin, int64_t end);

int64_t slice_block_count(int64_t count);

/* Collective. Every rank has filled in the values of its own blocks, one double each; afterwards
 * all hold all of them. */
void slice_gather_block_values(const struct world *world, double *block_values, int64_t count);

#endif
