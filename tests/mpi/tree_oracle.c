#include "tests/mpi/tree_oracle.h"

#include <math.h>
#include <stddef.h>

#include "base/memory.h"

struct oracle {
    leaf_fill *fill;
    const void *context;
    int64_t leaves, width;
};

static void sum_node(const struct oracle *oracle, int64_t first, int64_t span, float *sum)
{
    if (span == 1) {
        oracle->fill(oracle->context, first, sum, oracle->width);
        return;
    }
    sum_node(oracle, first, span / 2, sum);
    if (first + span / 2 >= oracle->leaves)
        return;
    float *right = memory_alloc((size_t)oracle->width * sizeof *right);
    sum_node(oracle, first + span / 2, span / 2, right);
    for (int64_t i = 0; i < oracle->width; i++) {
        sum[i] = sum[i] + right[i];
        if (isnan(sum[i]))
            sum[i] = NAN;
    }
    memory_free(right);
}

void tree_oracle_sum(leaf_fill *fill, const void *context, int64_t leaves, int64_t width,
                     float *sum)
{
    struct oracle oracle = { fill, context, leaves, width };
    int64_t span = 1;
    while (span < leaves)
        span *= 2;
    sum_node(&oracle, 0, span, sum);
}
