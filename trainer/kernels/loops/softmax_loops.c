/* The softmax of attention's blocks and of the loss: see kernel_table.h. */
#include "base/portable_math.h"
#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/real_math.h"

/* A row of logits is summed in doubles over blocks of so many floats: V may be 10^5. */
#define BLOCK_IN_LANES 1024

/* x becomes exp(scale x - shift); returns the sum. */
static real exponentials(real *x, real scale, real shift, int64_t count)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            x[i + j] = real_exp(x[i + j] * scale - shift);
            lane[j] += x[i + j];
        }
    for (int j = 0; i + j < count; j++) {
        x[i + j] = real_exp(x[i + j] * scale - shift);
        lane[j] += x[i + j];
    }
    return lanes_total(lane);
}

static real online_row(real *s, int64_t valid, int64_t width, real scale, real *max, real *sum,
                       bool first)
{
    if (valid > width)
        valid = width;
    for (int64_t i = valid > 0 ? valid : 0; i < width; i++)
        s[i] = 0;
    if (valid <= 0)
        return 1;
    real block_max = scale * lanes_max(s, valid);
    real new_max = first || block_max > *max ? block_max : *max;
    real decay = first ? 0 : real_exp(*max - new_max);
    real block_sum = exponentials(s, scale, new_max, valid);
    *sum = first ? block_sum : *sum * decay + block_sum;
    *max = new_max;
    return decay;
}

static void probability_row(real *s, int64_t valid, int64_t width, real scale, real logsumexp)
{
    if (valid > width)
        valid = width;
    for (int64_t i = 0; i < valid; i++)
        s[i] = real_exp(s[i] * scale - logsumexp);
    for (int64_t i = valid > 0 ? valid : 0; i < width; i++)
        s[i] = 0;
}

static void score_gradient_row(real *restrict dp, const real *restrict p, int64_t width,
                               real row_dot, real scale)
{
    for (int64_t i = 0; i < width; i++)
        dp[i] = p[i] * (dp[i] - row_dot) * scale;
}

static double cross_entropy_row(real *logits, int64_t V, int32_t target, bool want_gradient)
{
    if (target < 0) {
        for (int64_t i = 0; want_gradient && i < V; i++)
            logits[i] = 0;
        return 0;
    }
    real max = lanes_max(logits, V);
    double target_logit = (double)logits[target] - (double)max;
    double sum = 0;
    for (int64_t i = 0; i < V; i += BLOCK_IN_LANES)
        sum += (double)exponentials(logits + i, 1, max,
                                    V - i < BLOCK_IN_LANES ? V - i : BLOCK_IN_LANES);
    if (want_gradient) {
        real factor = (real)(1 / sum);
        for (int64_t i = 0; i < V; i++)
            logits[i] *= factor;
        logits[target] -= 1;
    }
    return portable_log(sum) - target_logit;
}

const struct softmax_loops LOOP_NAME(softmax, KERNEL_SET) = {
    .online_row = online_row,
    .probability_row = probability_row,
    .score_gradient_row = score_gradient_row,
    .cross_entropy_row = cross_entropy_row,
};
