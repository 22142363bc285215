/* memory_layout: pieces of one block of memory, which share it where they are never alive at once.
 *
 * Time is cut into parts, a bit each; a piece is alive in a set of them, or for good. Pieces
 * that live for good come first and lie one after the other; each further one takes the lowest
 * place behind them that no piece holds in any of the parts that both live in:
 *
 *                  part 1       part 2       part 4
 *      for good  | kept ............................|
 *                | a: 1 | 2 ................| c: 4  |     c lies where a and b lay
 *                |            | b: 2        |       |
 *
 * Nothing is allocated: with a base of NULL a layout tells how many bytes its pieces take.
 * Local. Private to trainer/model.
 */
#ifndef TRAINER_MODEL_MEMORY_LAYOUT_H
#define TRAINER_MODEL_MEMORY_LAYOUT_H

#include <stddef.h>

enum { LAYOUT_PIECES = 24 };

struct layout {
    unsigned char *base; /* aligned as an arena's; NULL: none */
    size_t kept_bytes;
    struct layout_piece {
        size_t begin, end; /* behind what is kept */
        unsigned alive;
    } pieces[LAYOUT_PIECES];
    int piece_count;
};

/* A piece that is alive in the parts of time whose bits are set in `alive`, or for good where
 * that is 0: which is asked for before all others. NULL where there is no base. */
void *layout_take(struct layout *layout, unsigned alive, size_t bytes);

/* From the first byte to the end of the last piece that is alive in some of these parts of time. */
size_t layout_bytes(const struct layout *layout, unsigned alive);

#endif
