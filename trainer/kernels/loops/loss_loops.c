/* The loss of a row of logits: see kernel_table.h. */
#include "base/portable_math.h"
#include "trainer/kernels/loops/exponentials.h"
#include "trainer/kernels/loops/loop_set.h"

/* A row of logits is summed in doubles over blocks of so many floats: V may be 10^5. */
#define BLOCK_IN_LANES 1024

static double sum_of_exponentials(real *logits, real max, int64_t V)
{
    double sum = 0;
    for (int64_t i = 0; i < V; i += BLOCK_IN_LANES)
        sum += (double)exponentials(logits + i, 1, max,
                                    V - i < BLOCK_IN_LANES ? V - i : BLOCK_IN_LANES);
    return sum;
}

static double cross_entropy_row(real *logits, int64_t V, int32_t target)
{
    if (target < 0)
        return 0;
    const real max = lanes_max(logits, V);
    const double target_logit = (double)logits[target] - (double)max;
    return portable_log(sum_of_exponentials(logits, max, V)) - target_logit;
}

static double cross_entropy_gradient_row(real *logits, int64_t V, int32_t target, double z_loss)
{
    if (target < 0) {
        for (int64_t i = 0; i < V; i++)
            logits[i] = 0;
        return 0;
    }
    const real max = lanes_max(logits, V);
    const double target_logit = (double)logits[target] - (double)max;
    const double sum = sum_of_exponentials(logits, max, V), log_sum = portable_log(sum);
    const real factor = (real)((1 + 2 * z_loss * ((double)max + log_sum)) / sum);
    for (int64_t i = 0; i < V; i++)
        logits[i] *= factor;
    logits[target] -= 1;
    return log_sum - target_logit;
}

const struct loss_loops LOOP_NAME(loss, KERNEL_SET) = {
    .cross_entropy_row = cross_entropy_row,
    .cross_entropy_gradient_row = cross_entropy_gradient_row,
};
