/* loss_head: the last product and the cross-entropy, together, in blocks of rows.
 *
 * The logits [rows, V] exist for LOSS_ROWS rows at a time, and turn into their own
 * gradient in place, which is rounded to what the products multiply:
 *
 *   logits = H W^T -> loss, dlogits = softmax - onehot -> dH = dlogits W, dW (+)= dlogits^T H
 *
 * With z_loss the gradient is that of cross-entropy + z_loss logZ^2, Z = sum exp(logits), which
 * keeps the logits from drifting (Chowdhery et al. 2022); the loss stays the cross-entropy.
 */
#ifndef TRAINER_KERNELS_LOSS_HEAD_H
#define TRAINER_KERNELS_LOSS_HEAD_H

#include "trainer/kernels/kernels.h"

enum { LOSS_ROWS = 1024 };

/* Logits from row to row: whole cache lines, of either element. */
static inline int64_t loss_head_stride(int64_t V)
{
    return tiles_across(V, TILE_SIDE) * TILE_SIDE;
}

struct loss_head {
    const real *hidden;     /* H [rows,C] */
    const real *weight;     /* W [V,C] */
    const int32_t *targets; /* [rows]; < 0: the row bears no loss */
    int64_t rows, C, V;
    real *logits;       /* scratch [min(rows, LOSS_ROWS), loss_head_stride(V)] */
    double *row_losses; /* scratch [min(rows, LOSS_ROWS)] */
    real *dhidden;      /* [rows,C], overwritten; may be hidden itself; NULL: the loss alone */
    real *dweight;      /* [V,C], added to; NULL with dhidden */
    bool is_first;      /* dweight holds nothing yet, and is written over */
    double z_loss;      /* 0: none */
};

/* The sum of -log softmax(logits)[target], rows in their order; *targets counts them. */
double loss_head_run(struct kernels *kernels, const struct loss_head *head, int64_t *targets);

#endif
