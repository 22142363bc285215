/* kernel_scratch: what each thread writes its intermediate values to.
 *
 *   thread 0                                              thread 1
 *   | packing | scores | score_gradients | row statistics | packing | ...
 */
#ifndef TRAINER_KERNELS_KERNEL_SCRATCH_H
#define TRAINER_KERNELS_KERNEL_SCRATCH_H

#include "base/memory.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

/* Blocks of the reference product: rows and depth of the packed part of A, columns of B's. */
enum { REFERENCE_ROWS = 128, REFERENCE_DEPTH = 256, REFERENCE_COLUMNS = 8 };
#define REFERENCE_PACKING ((REFERENCE_ROWS + REFERENCE_COLUMNS) * REFERENCE_DEPTH)

/* Blocks of attention: 128 x 256 floats of scores stay in a core's second-level cache. */
enum { ATTENTION_QUERIES = 128, ATTENTION_KEYS = 256 };

struct kernel_thread {
    real *packing;                  /* [REFERENCE_PACKING] */
    real *scores, *score_gradients; /* [ATTENTION_QUERIES, ATTENTION_KEYS] */
    real *row_max, *row_sum;        /* [ATTENTION_QUERIES] */
    int64_t flops;                  /* of this thread's products, not yet collected */
    char padding[64];               /* the next thread's counter: another cache line */
};

struct kernel_scratch {
    struct arena arena;
    struct kernel_thread *threads;
};

#endif
