/* activation_math: the feed-forward's activations of one element; formulas in kernel_table.h. */
#ifndef TRAINER_KERNELS_LOOPS_ACTIVATION_MATH_H
#define TRAINER_KERNELS_LOOPS_ACTIVATION_MATH_H

#include "trainer/kernels/loops/real_math.h"

#define GELU_SLOPE ((real)1.5957691216057307118) /* 2 sqrt(2 / pi) */
#define GELU_CUBIC ((real)0.044715)

static inline real gelu_value(real x)
{
    return x * real_sigmoid(GELU_SLOPE * (x + GELU_CUBIC * x * x * x));
}

static inline real swiglu_value(real gate, real up)
{
    return gate * real_sigmoid(gate) * up;
}

#endif
