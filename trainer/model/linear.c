#include "trainer/model/linear.h"

#include <stddef.h>

#include "trainer/kernels/product.h"

struct pass pass_of(struct model *model, struct kernels *kernels, real *gradient)
{
    return (struct pass){ .config = &model->config,
                          .views = model->views,
                          .parameters = model->parameters,
                          .kernels = kernels,
                          .gradient = gradient };
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

void linear_forward(const struct pass *pass, const struct linear_plan *linear, const real *x,
                    const real *residual, real *y, int64_t rows)
{
    struct product product = {
        .id = KERNEL_PRODUCT_FORWARD,
        .M = rows,
        .N = linear->out,
        .K = linear->in,
        .A = x,
        .lda = linear->in,
        .B = pass->parameters + linear->weight,
        .ldb = linear->is_out_by_in ? linear->in : linear->out,
        .B_transposed = linear->is_out_by_in,
        .C = y,
        .ldc = linear->out,
        .bias = linear->bias == NO_TENSOR ? NULL : pass->parameters + linear->bias,
        .residual = residual,
        .ld_residual = linear->out,
    };
    kernels_product(pass->kernels, &product);
}

void linear_input_gradient(const struct pass *pass, const struct linear_plan *linear,
                           const real *dy, real *dx, int64_t ld_dx, int64_t rows)
{
    struct product product = {
        .id = KERNEL_PRODUCT_INPUT_GRADIENT,
        .M = rows,
        .N = linear->in,
        .K = linear->out,
        .A = dy,
        .lda = linear->out,
        .B = pass->parameters + linear->weight,
        .ldb = linear->is_out_by_in ? linear->in : linear->out,
        .B_transposed = !linear->is_out_by_in,
        .C = dx,
        .ldc = ld_dx,
    };
    kernels_product(pass->kernels, &product);
}

void linear_parameter_gradients(const struct pass *pass, const struct linear_plan *linear,
                                const real *x, int64_t ldx, const real *dy, int64_t rows)
{
    struct product product = {
        .id = KERNEL_PRODUCT_WEIGHT_GRADIENT,
        .M = linear->in,
        .N = linear->out,
        .K = rows,
        .A = x,
        .lda = ldx,
        .A_transposed = true,
        .B = dy,
        .ldb = linear->out,
        .C = pass->gradient + linear->weight,
        .ldc = linear->out,
        .add = true,
    };
    if (linear->is_out_by_in) { /* dW[out,in] += dy^T x */
        product.M = linear->out;
        product.N = linear->in;
        product.A = dy;
        product.lda = linear->out;
        product.B = x;
        product.ldb = ldx;
        product.ldc = linear->in;
    }
    kernels_product(pass->kernels, &product);
    if (linear->bias != NO_TENSOR)
        column_sums(pass->kernels, dy, pass->gradient + linear->bias, rows, linear->out);
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
