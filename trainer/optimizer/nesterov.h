/* nesterov: the outer optimizer of groups that train apart, element by element.
 *
 *   d = changes / groups        the mean change, to be descended along as a gradient
 *   v = mu v + d
 *   p = p - lr (d + mu v)
 *
 * Nesterov's momentum as PyTorch's SGD(nesterov=True) has it. A thread takes blocks of fixed size,
 * and no element looks at another, so neither threads nor ranks change a bit.
 */
#ifndef TRAINER_OPTIMIZER_NESTEROV_H
#define TRAINER_OPTIMIZER_NESTEROV_H

#include "trainer/kernels/kernels.h"

struct nesterov {
    float groups;
    float lr, momentum;
};

/* Local. `count` elements of each. */
void nesterov_update(const struct nesterov *nesterov, struct kernels *kernels, float *parameters,
                     float *momentum, const float *changes, int64_t count);

/* Local. change = from - to, for `count` elements. */
void nesterov_change(struct kernels *kernels, float *change, const float *from, const float *to,
                     int64_t count);

#endif
