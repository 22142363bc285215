/* kernels: the table of operations that the model is made of.
 *
 * A kernel set fills the table with what the CPU has.
 *
 *   reference   portable loops, and products that round after every operation: any CPU
 *   avx2        the same loops compiled for AVX2; products of fused multiply-adds
 *   avx512      the same for AVX-512, with bf16 dot products where the CPU has them
 *   amx         avx512 with products of bf16 on tiles (AMX)
 *
 * Every operation cuts its work into blocks of fixed size and runs them on the
 * pool, so that results do not depend on the number of threads. Sums over rows
 * are taken in the order of the rows; those of products as tiles.h says. Each
 * product reports its floating-point operations to `flops`, the executed count of
 * the compute ledger.
 */
#ifndef TRAINER_KERNELS_KERNELS_H
#define TRAINER_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/kernels/profile.h"
#include "trainer/kernels/tiles.h"

struct kernel_table; /* the operations: trainer/kernels/kernel_table.h */

struct kernels {
    const struct kernel_table *table;
    struct tile_loops tiles[ELEMENTS]; /* the table's, with what this CPU has in their place */
    enum element element;              /* what products multiply: kernels_set_element */
    const char *name;                  /* "reference", "avx2", "avx512", "amx" */
    struct thread_pool *pool;
    int64_t flops; /* executed in matrix products since kernels_open; a multiply-add is two */
    struct kernel_profile profile[KERNELS]; /* since kernels_open */
    struct kernel_scratch *scratch;         /* private: of each thread */
};

/* Opens the set `name`, or the best that this CPU can run for "auto". A set that the
 * CPU cannot run is bad input, with the sets that it can. */
enum status kernels_open(struct kernels *kernels, const char *name, int threads);
void kernels_close(struct kernels *kernels);
size_t kernels_scratch_bytes(const struct kernels *kernels); /* of all threads */

/* Products round their operands to `element` from now on; ELEMENT_REAL after kernels_open. */
void kernels_set_element(struct kernels *kernels, enum element element);

/* thread_pool_run; then the time, and the operations of all threads' products, are added to
 * profile[id], and the operations to `flops`. */
void kernels_run(struct kernels *kernels, enum kernel_id id, int64_t blocks, thread_pool_work *work,
                 void *context);
/* To profile[id]: numbers that the kernel reads or writes. */
void kernels_count_reals(struct kernels *kernels, enum kernel_id id, int64_t reals);
void kernels_count_elements(struct kernels *kernels, enum kernel_id id, enum element element,
                            int64_t count);

/* The NULL-terminated names of all sets, best last; and whether this CPU can run one. */
extern const char *const kernel_set_names[];
bool kernel_set_runs_here(const char *name);

#endif
