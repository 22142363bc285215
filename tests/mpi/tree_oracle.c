#include "tests/mpi/tree_oracle.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

struct oracle {
    leaf_fill *fill;
    const void *context;
    int64_t leaves, width;
    bool rounds;
};

/* The upper half, or the next one where the lower half is more than half of a step, or is half of
 * one and the upper half odd. */
float tree_oracle_rounded(float value)
{
    uint32_t bits;
    if (isnan(value))
        return NAN;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t upper = bits >> 16, lower = bits & 0xffff;
    bits = (upper + (lower > 0x8000 || (lower == 0x8000 && upper % 2 == 1))) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float operand(const struct oracle *oracle, float value)
{
    return oracle->rounds ? tree_oracle_rounded(value) : value;
}

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
        sum[i] = operand(oracle, operand(oracle, sum[i]) + operand(oracle, right[i]));
        if (isnan(sum[i]))
            sum[i] = NAN;
    }
    memory_free(right);
}

void tree_oracle_sum(leaf_fill *fill, const void *context, int64_t leaves, int64_t width,
                     bool rounds, float *sum)
{
    struct oracle oracle = { fill, context, leaves, width, rounds };
    int64_t span = 1;
    while (span < leaves)
        span *= 2;
    sum_node(&oracle, 0, span, sum);
    for (int64_t i = 0; i < width && leaves == 1; i++)
        sum[i] = operand(&oracle, sum[i]);
}
