/* kernel_scratch: what each thread writes its intermediate values to.
 *
 *   thread 0                                                        thread 1
 *   | tiles | outputs | tiles | ...
 *
 * and, beside it, what attention needs for its heads, which only the first call knows.
 */
#ifndef TRAINER_KERNELS_KERNEL_SCRATCH_H
#define TRAINER_KERNELS_KERNEL_SCRATCH_H

#include "base/memory.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

/* What of a product is packed at once: rows of the left operand, columns of the right one, and
 * tiles along K. 256 KiB for a second-level cache, 32 KiB for a first-level one. */
enum { LEFT_ROWS = 512, RIGHT_COLUMNS = 64, PACKED_TILES = 8 };
enum {
    LEFT_UNITS = LEFT_ROWS / TILE_SIDE * PACKED_TILES * TILE_UNITS,
    RIGHT_UNITS = RIGHT_COLUMNS / TILE_SIDE * PACKED_TILES * TILE_UNITS
};

/* A block of C that does not stay as it is (bf16, activation), and one row more: 384 KiB
 * in the second-level cache. Half of its columns are still a multiple of every set's panel. */
enum { OUTPUT_ROWS = 256, OUTPUT_COLUMNS = 384 };
enum { OUTPUT_UNITS = (OUTPUT_ROWS + 1) * OUTPUT_COLUMNS };

struct kernel_thread {
    real *left_tiles, *right_tiles; /* [LEFT_UNITS], [RIGHT_UNITS] */
    real *outputs;                  /* [OUTPUT_UNITS] */
    char *attention;                /* kernel_scratch_reserve's bytes */
    int64_t flops;                  /* of this thread's products, not yet collected */
    char padding[64];               /* the next thread's counter: another cache line */
};

struct kernel_scratch {
    struct arena arena;
    struct kernel_thread *threads;
    struct arena attention_arena;
    size_t attention_bytes; /* of each thread */
};

/* Each thread's `attention` has room for so many bytes from now on; its contents are lost. */
void kernel_scratch_reserve(struct kernels *kernels, size_t attention_bytes);

#endif
