/* ceiling: what this machine can do at most, measured: the roof that kernels are held against
 * (Williams, Waterman, Patterson, "Roofline", 2009).
 *
 *   operations   the kernel set's innermost instruction on registers alone
 *   bytes        a copy between arrays far larger than the caches, what is read and what is
 *                written both counted; what a cache reads before it is written over is not
 *
 * All threads of the pool work. One measurement takes some milliseconds, so that it can stand
 * beside a kernel's in the same noise.
 */
#ifndef TRAINER_KERNELS_CEILING_H
#define TRAINER_KERNELS_CEILING_H

#include "trainer/kernels/kernels.h"

/* FLOP/s of all threads together, multiplying `element` (see tiles.h). */
double ceiling_flops_per_second(struct kernels *kernels, enum element element);

/* Two arrays of 128 MiB. */
struct ceiling_copy {
    char *from, *to;
};

void ceiling_copy_init(struct ceiling_copy *copy);
void ceiling_copy_release(struct ceiling_copy *copy);
/* Bytes a second of all threads together. */
double ceiling_bytes_per_second(struct kernels *kernels, const struct ceiling_copy *copy);

#endif
