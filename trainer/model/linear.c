#include "trainer/model/linear.h"

#include <stddef.h>

#include "comm/vector_add.h"
#include "trainer/kernels/product.h"

struct pass pass_of(struct model *model, struct kernels *kernels, real *gradient, bool is_first)
{
    return (struct pass){ .config = &model->config,
                          .views = model->views,
                          .parameters = model->parameters,
                          .kernels = kernels,
                          .gradient = gradient,
                          .follower = &model->follower,
                          .is_first = is_first };
}

void pass_needs(const struct pass *pass, int64_t end)
{
    if (pass->follower->needs)
        pass->follower->needs(pass->follower->context, end);
}

void pass_has_final(const struct pass *pass, int64_t from)
{
    if (pass->follower->has_final)
        pass->follower->has_final(pass->follower->context, from);
}

void pass_begin_sums(const struct pass *pass, int64_t offset, int64_t count)
{
    real *sums = pass->gradient + offset;
    if (pass->is_first)
        vector_clear(pass->kernels->pool, (float *)(void *)sums,
                     count * (int64_t)(sizeof(real) / sizeof(float)));
}

struct norm norm_of(const struct pass *pass, struct norm_plan plan)
{
    return (struct norm){
        .gain = pass->parameters + plan.gain,
        .bias = plan.bias == NO_TENSOR ? NULL : pass->parameters + plan.bias,
        .C = pass->config->width,
        .epsilon = (real)pass->config->norm_epsilon,
        .centred = pass->config->family == FAMILY_GPT2,
    };
}

int64_t linear_end(const struct linear_plan *linear)
{
    const int64_t end = linear->weight + linear->in * linear->out;
    return linear->bias > linear->weight ? linear->bias + linear->out : end;
}

static struct product forward_product(const struct pass *pass, const struct linear_plan *linear,
                                      struct rows x, struct rows y, int64_t rows)
{
    return (struct product){
        .id = KERNEL_PRODUCT_FORWARD,
        .M = rows,
        .N = linear->out,
        .K = linear->in,
        .A = x.values,
        .A_element = x.element,
        .lda = linear->in,
        .B = pass->parameters + linear->weight,
        .ldb = linear->is_out_by_in ? linear->in : linear->out,
        .B_transposed = linear->is_out_by_in,
        .C = y.values,
        .C_element = y.element,
        .ldc = linear->out,
        .bias = linear->bias == NO_TENSOR ? NULL : pass->parameters + linear->bias,
    };
}

void linear_forward(const struct pass *pass, const struct linear_plan *linear, struct rows x,
                    const real *residual, struct rows y, int64_t rows)
{
    struct product product = forward_product(pass, linear, x, y, rows);
    product.residual = residual;
    product.ld_residual = linear->out;
    kernels_product(pass->kernels, &product);
}

void linear_forward_activated(const struct pass *pass, const struct linear_plan *linear,
                              struct rows x, struct rows y, struct rows activated, int64_t rows)
{
    struct product product = forward_product(pass, linear, x, y, rows);
    CHECK(activated.element == y.element, "an activation is stored as what it is taken of");
    product.activation = activation_of(pass->config);
    product.activated = activated.values;
    product.ld_activated = pass->config->ffn_width;
    kernels_product(pass->kernels, &product);
}

void linear_input_gradient(const struct pass *pass, const struct linear_plan *linear,
                           struct rows dy, struct rows dx, int64_t ld_dx, int64_t rows)
{
    struct product product = {
        .id = KERNEL_PRODUCT_INPUT_GRADIENT,
        .M = rows,
        .N = linear->in,
        .K = linear->out,
        .A = dy.values,
        .A_element = dy.element,
        .lda = linear->out,
        .B = pass->parameters + linear->weight,
        .ldb = linear->is_out_by_in ? linear->in : linear->out,
        .B_transposed = !linear->is_out_by_in,
        .C = dx.values,
        .C_element = dx.element,
        .ldc = ld_dx,
    };
    kernels_product(pass->kernels, &product);
}

real *linear_bias_gradient(const struct pass *pass, const struct linear_plan *linear)
{
    if (linear->bias == NO_TENSOR)
        return NULL;
    pass_begin_sums(pass, linear->bias, linear->out);
    return pass->gradient + linear->bias;
}

void linear_weight_gradient(const struct pass *pass, const struct linear_plan *linear,
                            struct rows x, int64_t ldx, struct rows dy, int64_t rows)
{
    struct product product = {
        .id = KERNEL_PRODUCT_WEIGHT_GRADIENT,
        .M = linear->in,
        .N = linear->out,
        .K = rows,
        .A = x.values,
        .A_element = x.element,
        .lda = ldx,
        .A_transposed = true,
        .B = dy.values,
        .B_element = dy.element,
        .ldb = linear->out,
        .C = pass->gradient + linear->weight,
        .ldc = linear->out,
        .add = !pass->is_first,
    };
    if (linear->is_out_by_in) { /* dW[out,in] (+)= dy^T x */
        product.M = linear->out;
        product.N = linear->in;
        product.A = dy.values;
        product.A_element = dy.element;
        product.lda = linear->out;
        product.B = x.values;
        product.B_element = x.element;
        product.ldb = ldx;
        product.ldc = linear->in;
    }
    kernels_product(pass->kernels, &product);
}

void head_logits(const struct pass *pass, const real *hidden, real *logits)
{
    struct product product = {
        .id = KERNEL_PRODUCT_HEAD,
        .M = 1,
        .N = pass->config->vocab_size,
        .K = pass->config->width,
        .A = hidden,
        .lda = pass->config->width,
        .B = pass->parameters + pass->views->head,
        .ldb = pass->config->width,
        .B_transposed = true,
        .C = logits,
        .ldc = pass->config->vocab_size,
    };
    kernels_product(pass->kernels, &product);
}
