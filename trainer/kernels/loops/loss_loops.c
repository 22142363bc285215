/* The loss of a row of logits: see kernel_table.h.
 *
 * A row may be as long as a second-level cache, so it is read once from memory: block by block,
 * the largest logit so far is found and the exponentials over it are taken, as the block is near.
 * What was taken over a smaller number is corrected by a factor for its block.
 */
#include <float.h>
#include <string.h>

#include "base/portable_math.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/exponentials.h"
#include "trainer/kernels/loops/loop_set.h"

/* Of floats in lanes; what they come to is summed in doubles: V may be 10^5. */
enum { BLOCK = 1024, BLOCKS_MOST = 256, AT_ONCE = 64 };

struct row_sum {
    double sum;                  /* of exp(logit - max) over the row */
    real max;                    /* of the row */
    int64_t block;               /* logits */
    double factors[BLOCKS_MOST]; /* of each block: exp(what it was taken over - max) */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* factors: in, what each block was taken over. */
static void sum_blocks(struct row_sum *row, const double *sums, int64_t blocks)
{
    double taken_over = (double)row->max, factor = 1;
    row->sum = 0;
    for (int64_t b = blocks - 1; b >= 0; b--) {
        if (row->factors[b] != taken_over) {
            taken_over = row->factors[b];
            factor = portable_exp(taken_over - (double)row->max);
        }
        row->factors[b] = factor;
        row->sum += factor * sums[b];
    }
}

/* Each logit becomes exp(logit - what its block was taken over). */
static void sum_of_exponentials(real *logits, int64_t V, struct row_sum *row)
{
    double sums[BLOCKS_MOST];
    int64_t blocks = 0;
    row->max = -FLT_MAX;
    row->block = BLOCK;
    while (row->block * BLOCKS_MOST < V)
        row->block *= 2;
    for (int64_t i = 0; i < V; i += row->block) {
        const int64_t count = smaller(row->block, V - i);
        const real block_max = lanes_max(logits + i, count);
        row->max = block_max > row->max ? block_max : row->max;
        row->factors[blocks] = (double)row->max;
        sums[blocks++] = (double)exponentials_fetching(logits + i, 1, row->max, count, BLOCK);
    }
    sum_blocks(row, sums, blocks);
}

static double cross_entropy_row(real *logits, int64_t V, int32_t target)
{
    struct row_sum row;
    if (target < 0)
        return 0;
    const double target_logit = (double)logits[target];
    sum_of_exponentials(logits, V, &row);
    return portable_log(row.sum) - (target_logit - (double)row.max);
}

/* x times the factor, as elements from `out` on, which may be before x in the same memory. */
ALWAYS_INLINE void scale_some(enum element e, const real *x, real factor, char *out, int64_t count)
{
    union {
        real reals[AT_ONCE];
        bf16 halves[AT_ONCE];
    } scaled;
    for (int64_t i = 0; i < count; i++)
        element_store(e, &scaled, i, x[i] * factor);
    memcpy(out, &scaled, (size_t)(count * element_bytes(e)));
}

ALWAYS_INLINE void scale(enum element e, const real *x, real factor, char *out, int64_t count)
{
    int64_t i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        scale_some(e, x + i, factor, out + i * element_bytes(e), AT_ONCE);
    scale_some(e, x + i, factor, out + i * element_bytes(e), count - i);
}

static void scale_row(enum element e, real *x, const struct row_sum *row, double factor, int64_t V)
{
    char *out = (char *)x;
    for (int64_t i = 0; i < V; i += row->block) {
        const real of_block = (real)(factor * row->factors[i / row->block]);
        const int64_t count = smaller(row->block, V - i);
        if (e == ELEMENT_REAL)
            scale(ELEMENT_REAL, x + i, of_block, out + i * element_bytes(e), count);
        else
            scale(ELEMENT_BF16, x + i, of_block, out + i * element_bytes(e), count);
    }
}

static double cross_entropy_gradient_row(real *logits, int64_t V, int32_t target, double z_loss,
                                         enum element element)
{
    struct row_sum row;
    if (target < 0) {
        memset(logits, 0, (size_t)(V * element_bytes(element)));
        return 0;
    }
    const double target_logit = (double)logits[target];
    sum_of_exponentials(logits, V, &row);
    const double log_sum = portable_log(row.sum);
    const double factor = (1 + 2 * z_loss * ((double)row.max + log_sum)) / row.sum;
    const real at_target = logits[target] * (real)(factor * row.factors[target / row.block]);
    scale_row(element, logits, &row, factor, V);
    element_store(element, logits, target, at_target - 1);
    return log_sum - (target_logit - (double)row.max);
}

const struct loss_loops LOOP_NAME(loss, KERNEL_SET) = {
    .cross_entropy_row = cross_entropy_row,
    .cross_entropy_gradient_row = cross_entropy_gradient_row,
};
