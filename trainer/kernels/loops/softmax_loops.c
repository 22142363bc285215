/* The softmax of attention's blocks: see kernel_table.h. */
#include <float.h>

#include "trainer/kernels/loops/exponentials.h"
#include "trainer/kernels/loops/loop_set.h"

/* Whole lanes of the row: what is not seen becomes the lowest number, whose exponential adds
 * nothing, and zero afterwards. Returns false where nothing is seen. */
struct seen_lanes {
    int64_t first, end; /* seen, within the row */
    int64_t from, to;   /* multiples of LANES around them */
};

static bool seen_lanes_of(struct key_range seen, int64_t width, struct seen_lanes *lanes)
{
    lanes->first = seen.first > 0 ? seen.first : 0;
    lanes->end = seen.end < width ? seen.end : width;
    lanes->from = lanes->first / LANES * LANES;
    lanes->to = (lanes->end + LANES - 1) / LANES * LANES;
    return lanes->first < lanes->end;
}

static void fill(real *s, int64_t from, int64_t to, real value)
{
    for (int64_t i = from; i < to; i++)
        s[i] = value;
}

static real online_row(real *s, struct key_range seen, int64_t width, real scale, real *max,
                       real *sum)
{
    struct seen_lanes at;
    if (!seen_lanes_of(seen, width, &at)) {
        fill(s, 0, width, 0);
        return 1;
    }
    fill(s, at.from, at.first, -FLT_MAX);
    fill(s, at.end, at.to, -FLT_MAX);
    real block_max = scale * lanes_max(s + at.from, at.to - at.from);
    real new_max = block_max > *max ? block_max : *max;
    real decay = real_exp(*max - new_max);
    *sum = *sum * decay + exponentials(s + at.from, scale, new_max, at.to - at.from);
    *max = new_max;
    fill(s, 0, at.first, 0);
    fill(s, at.end, width, 0);
    return decay;
}

static void probability_row(real *s, struct key_range seen, int64_t width, real scale,
                            real logsumexp)
{
    struct seen_lanes at;
    if (!seen_lanes_of(seen, width, &at)) {
        fill(s, 0, width, 0);
        return;
    }
    fill(s, at.from, at.first, 0);
    fill(s, at.end, at.to, 0);
    for (int64_t i = at.from; i < at.to; i += LANES)
        for (int j = 0; j < LANES; j++)
            s[i + j] = real_exp(s[i + j] * scale - logsumexp);
    fill(s, 0, at.first, 0);
    fill(s, at.end, width, 0);
}

static void score_gradient_row(real *restrict dp, const real *restrict p, int64_t width,
                               real row_dot, real scale)
{
    for (int64_t i = 0; i < width; i++)
        dp[i] = p[i] * (dp[i] - row_dot) * scale;
}

const struct softmax_loops LOOP_NAME(softmax, KERNEL_SET) = {
    .online_row = online_row,
    .probability_row = probability_row,
    .score_gradient_row = score_gradient_row,
};
