/* activations: what one micro-batch's forward pass writes, for backward to read.
 *
 * One arena. In training each layer has its own rows, without training all
 * layers share one set. The norms' and the activation's outputs are not kept:
 * backward computes them once more, which costs far less than the memory.
 *
 *   layer 0                                                           layer 1
 *   | input | qkv | attended | middle | expanded | lse | norm stats | input | ...
 *   | BT,C  |BT,QKV| BT,C    | BT,C   | BT,F or 2F| B,NH,T | 4 BT   |
 *
 *   shared
 *   | output BT,C | hidden BT,C | normed BT,C | activated BT,F or 2F | stats | logits |
 *   and in training | doutput BT,C | dnormed BT,C | dqkv BT,QKV |
 *
 * `activated` is the activation's output in forward, and the gradient of
 * `expanded` in backward; backward leaves `expanded` overwritten.
 *
 * Private to trainer/model, but for the functions in model.h.
 */
#ifndef TRAINER_MODEL_ACTIVATIONS_H
#define TRAINER_MODEL_ACTIVATIONS_H

#include "base/memory.h"
#include "trainer/model/model.h"

struct norm_stats {
    real *mean, *rstd; /* [BT] */
};

struct layer_activations {
    real *input;     /* [BT,C] the residual stream, as it comes in */
    real *qkv;       /* [BT,(NH + 2 KV) HD] queries and keys rotated */
    real *attended;  /* [BT,C] attention's output, before its projection */
    real *logsumexp; /* [B,NH,T] */
    real *middle;    /* [BT,C] the residual stream between attention and feed-forward */
    real *expanded;  /* [BT,F], or [BT,2F] for SwiGLU */
    struct norm_stats attention_norm, ffn_norm;
};

/* The rotation's tables. */
struct rope {
    real *cosine, *sine; /* [positions, HD/2]; NULL for gpt2 */
};

struct activations {
    struct arena arena;
    int64_t B, T;
    bool for_training;
    struct layer_activations *layers; /* [L] */
    real *output;                     /* [BT,C] the last layer's */
    struct norm_stats final_norm;
    real *hidden;    /* [BT,C] what the head reads */
    real *normed;    /* [BT,C] scratch */
    real *activated; /* [BT,F], or [BT,2F] */
    real *logits;    /* [min(BT, LOSS_ROWS), V] */
    double *row_losses;
    real *doutput; /* [BT,C] gradient of the residual stream */
    real *dnormed; /* [BT,C] */
    real *dqkv;    /* [BT,(NH + 2 KV) HD] */
    struct rope rope;
};

/* Angles position theta^(-2 i / HD), by portable mathematics. Into the arena. */
void rope_init(struct rope *rope, struct arena *arena, const struct model_config *config,
               int64_t positions);
size_t rope_bytes(const struct model_config *config, int64_t positions);

#endif
