/* loss_head: the last product and the cross-entropy, together, in blocks of rows.
 *
 * The logits [rows, V] exist for a block of rows at a time, and turn into their own
 * gradient in place. Both are of the element that the products multiply; the softmax of a row
 * of bf16 is taken in reals:
 *
 *   logits = H W^T -> loss, dlogits = softmax - onehot -> dH = dlogits W, dW (+)= dlogits^T H
 *
 * With z_loss the gradient is that of cross-entropy + z_loss logZ^2, Z = sum exp(logits), which
 * keeps the logits from drifting (Chowdhery et al. 2022); the loss stays the cross-entropy.
 */
#ifndef TRAINER_KERNELS_LOSS_HEAD_H
#define TRAINER_KERNELS_LOSS_HEAD_H

#include "trainer/kernels/kernels.h"

/* Rows of a block. Each block reads W twice and dW once: of bf16, whose products are fast, more
 * rows are worth their memory. */
static inline int64_t loss_head_rows(enum element element)
{
    return element == ELEMENT_BF16 ? 1536 : 512;
}

/* Logits from row to row: whole cache lines, of either element. */
static inline int64_t loss_head_stride(int64_t V)
{
    return tiles_across(V, 2 * TILE_SIDE) * 2 * TILE_SIDE;
}

struct loss_head {
    const real *hidden;     /* H [rows,C] */
    const real *weight;     /* W [V,C] */
    const int32_t *targets; /* [rows]; < 0: the row bears no loss */
    int64_t rows, C, V;
    void *logits; /* scratch [min(rows, loss_head_rows), loss_head_stride(V)] of kernels->element */
    double *row_losses; /* scratch [min(rows, loss_head_rows)] */
    real *dhidden;      /* [rows,C], overwritten; may be hidden itself; NULL: the loss alone */
    real *dweight;      /* [V,C], added to; NULL with dhidden */
    bool is_first;      /* dweight holds nothing yet, and is written over */
    double z_loss;      /* 0: none */
};

/* The sum of -log softmax(logits)[target], rows in their order; *targets counts them. */
double loss_head_run(struct kernels *kernels, const struct loss_head *head, int64_t *targets);

#endif
