/* activation_math: the feed-forward's activations of a few elements; formulas in kernel_table.h. */
#ifndef TRAINER_KERNELS_LOOPS_ACTIVATION_MATH_H
#define TRAINER_KERNELS_LOOPS_ACTIVATION_MATH_H

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/real_math.h"

#define GELU_SLOPE ((real)1.5957691216057307118) /* 2 sqrt(2 / pi) */
#define GELU_CUBIC ((real)(0.044715 * 1.5957691216057307118))

/* So many elements take each pass before the next: see real_math.h. The last ones of a row are
 * filled up with zeros. */
enum { AT_ONCE = 128 };
#define FOR_ELEMENTS(j, count) for (int64_t j = 0; j < (count); j++)

/* x becomes 1 / (1 + exp(x)), which is sigmoid(-x). */
ALWAYS_INLINE void sigmoids_of_negated(real *x)
{
    FOR_ELEMENTS (j, AT_ONCE)
        x[j] = held_from_above(x[j]);
    FOR_ELEMENTS (j, AT_ONCE)
        x[j] = held_from_below(x[j]);
    FOR_ELEMENTS (j, AT_ONCE)
        x[j] = exp_of_held(x[j]);
    FOR_ELEMENTS (j, AT_ONCE)
        x[j] = 1 / (1 + x[j]);
}

ALWAYS_INLINE void gelu_sigmoids(const real *x, real *s)
{
    FOR_ELEMENTS (j, AT_ONCE)
        s[j] = x[j] * (-GELU_SLOPE - GELU_CUBIC * (x[j] * x[j]));
    sigmoids_of_negated(s);
}

/* x becomes GELU's y. */
ALWAYS_INLINE void gelu_some_reals(real *x)
{
    real s[AT_ONCE];
    gelu_sigmoids(x, s);
    FOR_ELEMENTS (j, AT_ONCE)
        x[j] *= s[j];
}

/* up becomes SwiGLU's y. */
ALWAYS_INLINE void swiglu_some_reals(const real *gate, real *up)
{
    real s[AT_ONCE];
    FOR_ELEMENTS (j, AT_ONCE)
        s[j] = -gate[j];
    sigmoids_of_negated(s);
    FOR_ELEMENTS (j, AT_ONCE)
        up[j] *= gate[j] * s[j];
}

#endif
