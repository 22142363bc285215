/* adamw: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101),
 * on this rank's slice of the parameters.
 *
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2
 *   p = p - lr ( m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay p )
 *
 * Norms and biases do not decay: the tensor table says which. Each element's
 * update depends on that element alone, so slices and threads change no bit.
 */
#ifndef TRAINER_OPTIMIZER_ADAMW_H
#define TRAINER_OPTIMIZER_ADAMW_H

#include "comm/slice.h"
#include "trainer/kernels/kernels.h"
#include "trainer/model/model.h"

struct adamw_settings {
    double beta1, beta2, epsilon, weight_decay;
};

struct adamw {
    struct adamw_settings settings;
    const struct tensor_table *table;
    struct slice slice;
    float *m, *v;    /* [slice.end - slice.begin] */
    int64_t updates; /* t, after the last update */
};

void adamw_init(struct adamw *adamw, const struct adamw_settings *settings,
                const struct tensor_table *table, struct slice slice);
void adamw_release(struct adamw *adamw);

/* Local. `gradient` and `parameters` are the whole flat vectors, of which the slice is used;
 * the gradient is scaled by `gradient_scale` (1 / tokens, times the clipping factor) on the way. */
void adamw_update(struct adamw *adamw, struct kernels *kernels, float *parameters,
                  const float *gradient, double learning_rate, double gradient_scale);

#endif
