/* gradient_norm: the global Euclidean norm of the reduced gradient, for clipping.
 *
 * Squares are summed by blocks of SLICE_BLOCK, and the blocks' sums in their
 * order: the same bits at every world size.
 */
#ifndef TRAINER_OPTIMIZER_GRADIENT_NORM_H
#define TRAINER_OPTIMIZER_GRADIENT_NORM_H

#include "comm/slice.h"
#include "trainer/kernels/kernels.h"

/* Collective. Each rank gives the flat gradient [count], of which its slice is valid. */
double gradient_norm(const struct world *world, struct kernels *kernels, const float *gradient,
                     int64_t count);

/* The factor that brings a gradient of `norm` to at most `clip_norm`; 1 where clip_norm is 0. */
double gradient_clip_factor(double norm, double clip_norm);

#endif
