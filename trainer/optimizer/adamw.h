/* adamw: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).
 *
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2
 *   p = p - lr ( m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay p )
 *
 * The loop is adamw_update in kernel_table.h: an element's update depends on that element alone,
 * so slices and threads change no bit.
 */
#ifndef TRAINER_OPTIMIZER_ADAMW_H
#define TRAINER_OPTIMIZER_ADAMW_H

#include "trainer/kernels/kernel_table.h"

struct adamw_settings {
    double beta1, beta2, epsilon;
};

/* For update t = 1, 2, ..., without weight decay. The gradient is scaled by `gradient_scale`
 * (1 / tokens, times the clipping factor) on the way. */
struct adamw_scalars adamw_scalars_at(const struct adamw_settings *settings, int64_t update,
                                      double learning_rate, double gradient_scale);

#endif
