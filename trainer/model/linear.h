/* linear: y = x W + bias with the weights of a plan, and its gradients. Private to trainer/model.
 */
#ifndef TRAINER_MODEL_LINEAR_H
#define TRAINER_MODEL_LINEAR_H

#include "trainer/model/layer_plan.h"

/* What runs: the model's numbers and the kernels that work on them. */
struct pass {
    const struct model_config *config;
    const struct model_views *views;
    const real *parameters;
    struct kernels *kernels;
    real *gradient; /* flat, like parameters; NULL in forward */
    const struct model_follower *follower;
    bool is_first; /* the gradient holds nothing yet: it is written over, where else it is added to
                    */
};

struct pass pass_of(struct model *model, struct kernels *kernels, real *gradient, bool is_first);

/* Tell who follows the pass. */
void pass_needs(const struct pass *pass, int64_t end);
void pass_has_final(const struct pass *pass, int64_t from);

/* Zeroes `count` elements of the gradient, if they are to be added to for the first time. */
void pass_begin_sums(const struct pass *pass, int64_t offset, int64_t count);

struct norm norm_of(const struct pass *pass, struct norm_plan plan);

/* The end of its parameters. */
int64_t linear_end(const struct linear_plan *linear);

/* y[rows,out] = residual[rows,out] (or NULL) + bias + x[rows,in] W */
void linear_forward(const struct pass *pass, const struct linear_plan *linear, struct rows x,
                    const real *residual, struct rows y, int64_t rows);

/* The same without a residual; and the activation of y, [rows,F], by the way. */
void linear_forward_activated(const struct pass *pass, const struct linear_plan *linear,
                              struct rows x, struct rows y, struct rows activated, int64_t rows);

/* dx[rows,in] = dy[rows,out] W^T, rows of dx being ld_dx apart */
void linear_input_gradient(const struct pass *pass, const struct linear_plan *linear,
                           struct rows dy, struct rows dx, int64_t ld_dx, int64_t rows);

/* dW (+)= x^T dy (in W's layout); rows of x are ldx apart */
void linear_weight_gradient(const struct pass *pass, const struct linear_plan *linear,
                            struct rows x, int64_t ldx, struct rows dy, int64_t rows);

/* Where dbias (+)= the sum of dy's rows belongs: [out], or NULL where there is no bias. */
real *linear_bias_gradient(const struct pass *pass, const struct linear_plan *linear);

/* logits[V] of one row of the last hidden state, hidden[C] */
void head_logits(const struct pass *pass, const real *hidden, real *logits);

#endif
