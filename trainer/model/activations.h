/* activations: what one micro-batch's forward pass writes, for backward to read.
 *
 * One arena: what is kept for backward, layer after layer, and then the scratch, whose pieces
 * share memory wherever they are never alive in the same part of a step. The norms' and the
 * activation's outputs are not kept: backward computes them once more, which costs far less
 * than the memory. `recompute` says what else it computes once more.
 *
 *   kept, by layer     none        attention   block
 *     input            BT,C        BT,C        BT,C      the residual stream
 *     norms' stats     4 BT        4 BT        4 BT
 *     qkv              BT,QKV      scratch     scratch
 *     attended         BT,Q        scratch     scratch
 *     logsumexp        B,NH,T      scratch     scratch
 *     middle           BT,C        BT,C        scratch   the residual stream
 *     expanded         BT,F or 2F  the same    scratch
 *   and once           output BT,C, its norm's stats, RoPE's tables
 *
 *   scratch            forward       forward         loss           backward        backward
 *                      attention     feed-forward                   feed-forward    attention
 *                                                  |              | doutput BT,C                |
 *                                                  |  dnormed BT,C (hidden, dhidden, dattended) |
 *                    | normed BT,C                 |  logits      | normed BT,C                 |
 *                    |             | activated BT,F|              | dexpanded     | dqkv        |
 *     attention      | qkv, attended               |              |               | qkv, att... |
 *     block          | qkv, attended, middle, ...  |              | qkv, attended, middle, ...  |
 *
 * The residual stream, its gradient, statistics, and dqkv, which attention adds up, are real. Other
 * operands of products (normed, qkv, attended, expanded, activated, dexpanded) are of `element`:
 * bf16 where products multiply bf16, to which their packing would round them anyway.
 *
 * Without training all layers share one set, and nothing outlives its use.
 *
 * Where the plan lends, backward moves the memory that it is through with under the gradient
 * (gradient_loans.h): the scratch that only forward and loss use, then what was kept.
 *
 * Private to trainer/model, but for the functions in model.h.
 */
#ifndef TRAINER_MODEL_ACTIVATIONS_H
#define TRAINER_MODEL_ACTIVATIONS_H

#include "base/memory.h"
#include "trainer/kernels/rows.h"
#include "trainer/model/gradient_loans.h"
#include "trainer/model/model.h"
#include "trainer/model/rope.h"

struct norm_stats {
    real *mean, *rstd; /* [BT] */
};

struct layer_activations {
    real *input;          /* [BT,C] the residual stream, as it comes in */
    struct rows qkv;      /* [BT,(NH + 2 KV) HD] queries and keys rotated */
    struct rows attended; /* [BT,Q] attention's output, before its projection */
    real *logsumexp;      /* [B,NH,T] */
    real *middle;         /* [BT,C] the residual stream between attention and feed-forward */
    struct rows expanded; /* [BT,F], or [BT,2F] for SwiGLU */
    struct norm_stats attention_norm, ffn_norm;
};

/* What one layer after the other writes to. */
struct layer_scratch {
    struct rows normed;    /* [BT,C] */
    struct rows activated; /* [BT,F] */
    /* in training: gradients */
    real *doutput;         /* [BT,C] of the residual stream */
    real *doutput_sums;    /* [C] over its rows: the gradient of the bias before it */
    real *dnormed;         /* [BT,C]; before, dattended [BT,Q] or the sums of dexpanded's blocks */
    struct rows dqkv;      /* [BT,(NH + 2 KV) HD] */
    struct rows dexpanded; /* [BT,F], or [BT,2F] */
};

struct activations {
    struct arena arena;
    struct activations_plan plan;
    struct layer_activations *layers; /* [L] */
    struct layer_scratch scratch;
    real *output; /* [BT,C] the last layer's */
    struct norm_stats final_norm;
    real *hidden; /* [BT,C] what the head reads; in training, its gradient takes its place */
    void *logits; /* the head's: see loss_head.h */
    double *row_losses;
    struct rope rope;
    struct gradient_loans loans;
};

#endif
