/* kernel_table: what a kernel set is made of, for one thread on one block of work.
 *
 * The loops are compiled once for each instruction set from the same sources
 * (kernels/loops). Every sum in them runs over a fixed number of lanes, and
 * multiply-adds are never contracted, so all sets give the same bits here. Of the
 * tiles' entries, kernels_open replaces `multiply` by what the CPU has.
 *
 * Callers that own a flat range of elements (the optimizer) cut it into blocks
 * themselves and run the loop on each:
 *
 *   kernels->table->optimizer->adamw_update(p, g, m, v, count, &scalars);
 *
 * Where an `element` is given, it is that of the void pointers: each value is widened to a
 * real when it is read, and rounded when it is written.
 *
 * Shapes: B sequences, T positions, C width, V vocabulary, F feed-forward width,
 * M, N, K the sides of a product. Matrices are row-major.
 */
#ifndef TRAINER_KERNELS_KERNEL_TABLE_H
#define TRAINER_KERNELS_KERNEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "trainer/kernels/tiles.h"

/* LayerNorm (centred) and RMSNorm (not; no bias) are one formula:
 *   h = (x - mean) rstd,  n = h gain + bias,  rstd = 1 / sqrt(mean((x - mean)^2) + epsilon)
 * with mean = 0 where the norm is not centred. Ba, Kiros, Hinton 2016; Zhang, Sennrich 2019. */
struct norm {
    const real *gain; /* [C] */
    const real *bias; /* [C] or NULL */
    int64_t C;
    real epsilon;
    bool centred;
};

/* Sums over rows: gain of dn h, bias (or NULL) of dn, dx (or NULL) of what dx has become. Each
 * may be a row of dn itself. */
struct norm_sums {
    real *gain, *bias, *dx; /* [C] */
    bool add;               /* to what they are; otherwise they become the sums */
};

struct norm_loops {
    /* x [rows,C] -> n [rows,C]; mean, rstd [rows] are kept for the backward pass. */
    void (*forward)(const struct norm *norm, const real *x, enum element element, void *n,
                    real *mean, real *rstd, int64_t rows);
    /* n once more, from the kept mean and rstd: the same bits as forward's. */
    void (*apply)(const struct norm *norm, const real *x, enum element element, void *n,
                  const real *mean, const real *rstd, int64_t rows);
    /* dx += the gradient through the norm; then what `sums` names, over these rows in their
     * order. */
    void (*backward)(const struct norm *norm, const real *dn, const real *x, const real *mean,
                     const real *rstd, real *dx, int64_t rows, const struct norm_sums *sums);
};

/* The feed-forward's. */
enum activation { ACTIVATION_NONE, ACTIVATION_GELU, ACTIVATION_SWIGLU };

struct activation_loops {
    /* GELU by tanh: y = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3), which is
     * x (1 + tanh u) / 2. Hendrycks, Gimpel 2016. */
    void (*gelu)(enum element element, const void *x, void *y, int64_t count);
    /* In place: x becomes y, dy becomes dx. */
    void (*gelu_backward)(enum element element, void *x_to_y, void *dy_to_dx, int64_t count);
    /* y = silu(gate) up, silu(x) = x sigmoid(x). Shazeer 2020. Rows of x are [gate F | up F]. */
    void (*swiglu)(enum element element, const void *x, void *y, int64_t rows, int64_t F);
    /* In place, rows of both are 2 F wide: y takes gate's place in x;
     * d holds dy in its first half, and becomes [dgate | dup]. */
    void (*swiglu_backward)(enum element element, void *x_to_y, void *d, int64_t rows, int64_t F);
};

/* A panel of a product (product.h): C[rows,columns] = (before + bias) + sums in C's element, and
 * the activation of what C keeps. SwiGLU's gate and up are two panels. */
struct panel_output {
    const real *sums; /* [rows,columns] */
    int64_t ld_sums, rows, columns;
    const real *before, *bias; /* [rows,columns], [columns]; may be NULL */
    int64_t ld_before;
    enum element element;
    void *C, *activated;
    int64_t ldc, ld_activated;
    int64_t part_sums, part_before, part_columns; /* from gate to up; the last of C and bias */
    enum activation activation;
    bool is_cached; /* C was read just before */
};

enum { PANEL_MOST = 256 }; /* columns */

struct panel_loops {
    void (*store)(const struct panel_output *output);
    void (*publish)(void); /* after the last store of a block */
};

/* Keys [first, end) of a block, which may reach beyond it on both sides. */
struct key_range {
    int64_t first, end;
};

/* A stripe of queries against a block of keys. A row is a key and a column a query, so that each
 * query is one lane of the loops, and no sum runs across lanes. */
enum { STRIPE = 2 * TILE_SIDE };

struct score_stripe {
    const real *scores; /* [keys,STRIPE], with room for `keys` rounded up to STRIPE */
    int64_t keys;       /* those before it, at most, are seen */
    /* Each query sees the keys [first, end), whole numbers; all see [all_first, all_end). Rows
     * of pairs: these two are even. */
    int64_t all_first, all_end;
    real first[STRIPE], end[STRIPE];
    real scale; /* exp(scale score) is meant */
};

/* Where the gradients of a stripe go: rows of left tiles [KEYS,STRIPE], whose tiles of 16 keys are
 * left_stride apart, and right tiles [keys,STRIPE]. */
struct stripe_tiles {
    void *left_weights, *left_gradients;
    int64_t left_stride, left_keys; /* rows beyond the stripe's keys, up to left_keys, are zero */
    void *right_gradients;
    int64_t right_stride;
};

struct softmax_loops {
    /* One row of scores against one block of keys, online (Milakov, Gimelshein 2018):
     * s becomes exp(scale s - max) in the range that is seen, the rest of `width` zero; *max and
     * *sum, -FLT_MAX and 0 before the first block, take the block in. Returns what all that was
     * summed before must be multiplied by. s has room for `width` rounded up to 16. */
    real (*online_row)(real *s, struct key_range seen, int64_t width, real scale, real *max,
                       real *sum);
    /* The same for each query of a stripe: the weights go into right tiles [keys,STRIPE] of the
     * element, max is log2 e times as large, and changes only where it would grow by more than
     * STRIPE_SLACK: weights are up to 2^STRIPE_SLACK then. The block's decays go to decay[STRIPE];
     * returns whether one of them is not 1. */
    bool (*online_stripe)(enum element element, const struct score_stripe *stripe, real *max,
                          real *sum, real *decay, void *tiles, int64_t stride);
    /* logsumexp = log(2^max sum) */
    void (*logsumexp)(const real *max, const real *sum, real *logsumexp, int64_t count);
    /* p = exp(scale s - logsumexp) once more, ds = scale p (ds - dots), and zero where not seen. */
    void (*stripe_gradients)(enum element element, const struct score_stripe *stripe,
                             const real *dscores, const real *logsumexp, const real *dots,
                             const struct stripe_tiles *tiles);
    /* columns[count,STRIPE] *= factors[STRIPE] */
    void (*scale_stripe)(real *columns, int64_t count, const real *factors);
    /* The first `queries` columns times factors[STRIPE] become rows of `count` elements, `ld`
     * apart. columns has room for `count` rounded up to 16. */
    void (*store_stripe)(const real *columns, int64_t count, const real *factors,
                         enum element element, void *rows, int64_t ld, int64_t queries);
    /* A copy of [count,width], from rows ld_from apart to rows ld apart. As store_stripe's reals,
     * it goes past the caches. */
    void (*store_rows)(const real *from, int64_t ld_from, real *rows, int64_t ld, int64_t count,
                       int64_t width);
};

/* Of a row of logits [V], which is overwritten. target < 0: no loss, and a gradient of zeros.
 * A NaN or infinity among the logits makes the loss one of them. */
struct loss_loops {
    /* -log softmax(logits)[target] = logZ - logits[target], Z = sum exp(logits) */
    double (*cross_entropy_row)(real *logits, int64_t V, int32_t target);
    /* The same, and the logits become the gradient of that + z_loss logZ^2 (Chowdhery et al.
     * 2022): softmax(logits) (1 + 2 z_loss logZ) - onehot(target), as `element` from the row's
     * start on. */
    double (*cross_entropy_gradient_row)(real *logits, int64_t V, int32_t target, double z_loss,
                                         enum element element);
};

struct vector_loops {
    real (*dot)(const real *a, const real *b, int64_t count);
    void (*add)(const real *a, const real *b, real *out, int64_t count); /* out may be a or b */
    void (*scale)(real *x, real factor, int64_t count);
    /* Rotates `heads` heads of 2 H elements in place by the angles (cosine, sine)[H]: pairs
     * are (i, i + H), as in Hugging Face's rotate_half. Backward: pass `direction` -1. */
    void (*rotate)(enum element element, void *heads_row, int64_t heads, int64_t H,
                   const real *cosine, const real *sine, real direction);
    /* sums[0..columns) += sum over the rows of x, in their order. */
    void (*column_sums)(enum element element, const void *x, real *sums, int64_t rows,
                        int64_t columns, int64_t stride);
    /* y[N] (+)= x[K] W: W is [K,N], or [N,K] where `transposed`. One token's product. */
    void (*vector_product)(const real *x, const real *W, int64_t stride, bool transposed, real *y,
                           int64_t N, int64_t K, bool add);
};

/* Loshchilov, Hutter 2019 (decoupled decay), after Kingma, Ba 2015. */
struct adamw_scalars {
    double lr, beta1, beta2, epsilon, weight_decay;
    double gradient_scale;                     /* clipping and 1 / tokens */
    double bias_correction1, bias_correction2; /* 1 - beta^step */
};

struct optimizer_loops {
    /* g = gradient_scale gradient; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
     * p -= lr ((m / correction1) / (sqrt(v / correction2) + epsilon) + weight_decay p). */
    void (*adamw_update)(real *parameters, const real *gradient, real *m, real *v, int64_t count,
                         const struct adamw_scalars *scalars);
    /* Muon's, after Sutskever et al. 2013: g = gradient_scale gradient; momentum = mu momentum + g;
     * the gradient becomes g + mu momentum. */
    void (*nesterov_momentum)(real *gradient, real *momentum, int64_t count, double gradient_scale,
                              double mu);
    /* p -= lr (direction + weight_decay p) */
    void (*descend)(real *parameters, const real *direction, int64_t count, double lr,
                    double weight_decay);
    double (*sum_of_squares)(const real *x, int64_t count);
};

struct kernel_table {
    const struct norm_loops *norm;
    const struct activation_loops *activation;
    const struct panel_loops *panel;
    const struct softmax_loops *softmax;
    const struct loss_loops *loss;
    const struct vector_loops *vector;
    const struct optimizer_loops *optimizer;
    const struct tile_loops
        *tiles[ELEMENTS]; /* see tiles.h; NULL for bf16 where real is a double */
};

#endif
