/* The updates of AdamW and Muon, and the gradient's norm: see kernel_table.h. */
#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/real_math.h"

static void adamw_update(real *restrict parameters, const real *restrict gradient, real *restrict m,
                         real *restrict v, int64_t count, const struct adamw_scalars *scalars)
{
    const real beta1 = (real)scalars->beta1, rest1 = (real)(1 - scalars->beta1);
    const real beta2 = (real)scalars->beta2, rest2 = (real)(1 - scalars->beta2);
    const real scale = (real)scalars->gradient_scale, epsilon = (real)scalars->epsilon;
    const real step = (real)(scalars->lr / scalars->bias_correction1);
    const real unbias2 = (real)(1 / scalars->bias_correction2);
    const real keep = (real)(1 - scalars->lr * scalars->weight_decay);
    for (int64_t i = 0; i < count; i++) {
        real g = gradient[i] * scale;
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * (g * g);
        parameters[i] =
            keep * parameters[i] - step * (m[i] / (real_sqrt(v[i] * unbias2) + epsilon));
    }
}

static void nesterov_momentum(real *restrict gradient, real *restrict momentum, int64_t count,
                              double gradient_scale, double mu)
{
    const real scale = (real)gradient_scale, keep = (real)mu;
    for (int64_t i = 0; i < count; i++) {
        real g = gradient[i] * scale;
        momentum[i] = keep * momentum[i] + g;
        gradient[i] = g + keep * momentum[i];
    }
}

static void descend(real *restrict parameters, const real *restrict direction, int64_t count,
                    double lr, double weight_decay)
{
    const real step = (real)lr, keep = (real)(1 - lr * weight_decay);
    for (int64_t i = 0; i < count; i++)
        parameters[i] = keep * parameters[i] - step * direction[i];
}

/* In doubles; squares of floats are exact in them. The prefetch runs over the pages' ends, at which
 * the CPU's own stops. */
static double sum_of_squares(const real *x, int64_t count)
{
    enum { AHEAD = 4096 / sizeof(real) };
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        __builtin_prefetch(x + i + AHEAD);
        FOR_LANES (j)
            lane[j] += (double)x[i + j] * (double)x[i + j];
    }
    for (int j = 0; i + j < count; j++)
        lane[j] += (double)x[i + j] * (double)x[i + j];
    return double_lanes_total(lane);
}

const struct optimizer_loops LOOP_NAME(optimizer, KERNEL_SET) = {
    .adamw_update = adamw_update,
    .nesterov_momentum = nesterov_momentum,
    .descend = descend,
    .sum_of_squares = sum_of_squares,
};
