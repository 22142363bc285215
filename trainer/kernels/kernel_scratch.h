/* kernel_scratch: what each thread writes its intermediate values to.
 *
 *   all            thread 0                    thread 1
 *   | shared tiles | right | sums | totals | right | sums | totals | ...
 *
 * and, beside it, left tiles, and what an operation reserves, as only its call knows the shapes
 * (attention's heads, a row of logits): both grow.
 */
#ifndef TRAINER_KERNELS_KERNEL_SCRATCH_H
#define TRAINER_KERNELS_KERNEL_SCRATCH_H

#include "base/memory.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

/* What of a product a thread packs at once, and what all threads read (8 MiB, for a cache that is
 * theirs). Left tiles are as many as fit in a second-level cache with room for the rest. */
enum { LEFT_ROWS = 512, RIGHT_COLUMNS = 48, SHARED_UNITS = 1 << 21 };
enum { LEFT_TILES_LEAST = 288, LEFT_TILES_MOST = 960 };
enum { RIGHT_TILES = 96 }; /* along K, of a panel that a thread packs for itself */

/* The sums of a block's rows and some panels' columns, of all parts: as wide as reading and writing
 * C wants. Rows are an odd number of cache lines apart, so that they do not share sets. */
enum {
    SUMS_COLUMNS = PANEL_MOST,
    SUMS_STRIDE = SUMS_COLUMNS + 16,
    SUMS_UNITS = LEFT_ROWS * SUMS_STRIDE
};

struct kernel_thread {
    real *left_tiles;  /* [left_tile_count] */
    real *right_tiles; /* [RIGHT_COLUMNS, RIGHT_TILES] in tiles */
    real *sums;        /* [SUMS_UNITS] of a stretch of K */
    real *totals;      /* [SUMS_UNITS] of the stretches before, where C cannot hold them */
    char *reserved;    /* kernel_scratch_reserve's bytes */
    int64_t flops;     /* of this thread's products, not yet collected */
    char padding[64];  /* the next thread's counter: another cache line */
};

struct kernel_scratch {
    struct arena arena;
    real *shared_tiles; /* [SHARED_UNITS]: a product's right operand, for all threads */
    struct kernel_thread *threads;
    struct arena left_arena;
    int64_t left_tile_count; /* of each thread */
    struct arena reserved_arena;
    size_t reserved_bytes; /* of each thread */
};

/* Each thread has so many left tiles from now on; their contents are lost. */
void kernel_scratch_reserve_left(struct kernels *kernels, int64_t tiles);

/* Each thread's `reserved` has room for so many bytes from now on; its contents are lost. */
void kernel_scratch_reserve(struct kernels *kernels, size_t reserved_bytes);

#endif
