/* kernel_scratch: what each thread writes its intermediate values to.
 *
 *   all            thread 0                    thread 1
 *   | shared tiles | left | right | outputs | left | right | outputs | ...
 *
 * and, beside it, what attention needs for its heads, which only the first call knows.
 */
#ifndef TRAINER_KERNELS_KERNEL_SCRATCH_H
#define TRAINER_KERNELS_KERNEL_SCRATCH_H

#include "base/memory.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

/* What of a product a thread packs at once: rows of the left operand, columns of the right one,
 * and tiles along K: 288 KiB for a second-level cache, and its panel for a nearer one. What all
 * threads read is packed for all: 8 MiB for a cache that is theirs. */
enum { LEFT_ROWS = 192, RIGHT_COLUMNS = 64, PACKED_TILES = 24, SHARED_UNITS = 1 << 21 };
enum {
    LEFT_UNITS = LEFT_ROWS / TILE_SIDE * PACKED_TILES * TILE_UNITS,
    RIGHT_UNITS = RIGHT_COLUMNS / TILE_SIDE * PACKED_TILES * TILE_UNITS
};

/* A block of C that does not stay as it is (bf16, activation), and one row more: 290 KiB
 * in the second-level cache. Half of its columns are still a multiple of every set's panel. */
enum { OUTPUT_ROWS = LEFT_ROWS, OUTPUT_COLUMNS = 384 };
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
    real *shared_tiles; /* [SHARED_UNITS]: a product's right operand, for all threads */
    struct kernel_thread *threads;
    struct arena attention_arena;
    size_t attention_bytes; /* of each thread */
};

/* Each thread's `attention` has room for so many bytes from now on; its contents are lost. */
void kernel_scratch_reserve(struct kernels *kernels, size_t attention_bytes);

#endif
