#include "trainer/model/layer.h"

/* Through a norm: dx += the gradient of x, and the norm's own gradients. */
static void norm_plan_backward(const struct pass *pass, struct norm_plan plan, const real *dnormed,
                               const real *x, const struct norm_stats *stats, real *dx,
                               int64_t rows)
{
    const struct norm norm = norm_of(pass, plan);
    norm_backward(pass->kernels, &norm, dnormed, x, stats->mean, stats->rstd, dx,
                  pass->gradient + plan.gain,
                  plan.bias == NO_TENSOR ? NULL : pass->gradient + plan.bias, rows);
}

/* doutput: in, of the layer's output; out, of `middle`. */
static void feed_forward_backward(const struct pass *pass, const struct layer_plan *layer,
                                  const struct layer_run *run, const struct layer_gradients *d)
{
    const struct layer_activations *kept = run->kept;
    const struct norm norm = norm_of(pass, layer->ffn_norm);
    const int64_t rows = run->B * run->T, expanded = expanded_width_of(pass->config);
    real *dexpanded = run->activated;

    linear_input_gradient(pass, &layer->contract, d->doutput, dexpanded, expanded, rows);
    activation_backward(pass->kernels, activation_of(pass->config), kept->expanded, dexpanded, rows,
                        pass->config->ffn_width);
    const real *activated = kept->expanded; /* computed once more, in its place */
    linear_parameter_gradients(pass, &layer->contract, activated, expanded, d->doutput, rows);

    norm_apply(pass->kernels, &norm, kept->middle, run->normed, kept->ffn_norm.mean,
               kept->ffn_norm.rstd, rows);
    linear_parameter_gradients(pass, &layer->expand, run->normed, pass->config->width, dexpanded,
                               rows);
    linear_input_gradient(pass, &layer->expand, dexpanded, d->dnormed, pass->config->width, rows);
    norm_plan_backward(pass, layer->ffn_norm, d->dnormed, kept->middle, &kept->ffn_norm, d->doutput,
                       rows);
}

/* doutput: in, of `middle`; out, of the layer's input. */
static void attention_part_backward(const struct pass *pass, const struct layer_plan *layer,
                                    const struct layer_run *run, const struct layer_gradients *d)
{
    const struct layer_activations *kept = run->kept;
    const struct model_config *config = pass->config;
    const struct norm norm = norm_of(pass, layer->attention_norm);
    const int64_t rows = run->B * run->T, C = config->width, HD = head_dim_of(config);
    real *dattended = d->dnormed; /* free until the norm */

    linear_parameter_gradients(pass, &layer->project, kept->attended, C, d->doutput, rows);
    linear_input_gradient(pass, &layer->project, d->doutput, dattended, C, rows);

    struct attention attention = layer_attention(pass, run);
    struct attention_gradient gradient = {
        .dout = dattended,
        .dqueries = d->dqkv,
        .dkeys = d->dqkv + config->heads * HD,
        .dvalues = d->dqkv + (config->heads + config->kv_heads) * HD,
    };
    attention_backward(pass->kernels, &attention, &gradient);
    layer_rotate(pass, run, d->dqkv, -1);

    norm_apply(pass->kernels, &norm, kept->input, run->normed, kept->attention_norm.mean,
               kept->attention_norm.rstd, rows);
    linear_parameter_gradients(pass, &layer->qkv, run->normed, C, d->dqkv, rows);
    linear_input_gradient(pass, &layer->qkv, d->dqkv, d->dnormed, C, rows);
    norm_plan_backward(pass, layer->attention_norm, d->dnormed, kept->input, &kept->attention_norm,
                       d->doutput, rows);
}

void layer_backward(const struct pass *pass, const struct layer_plan *layer,
                    const struct layer_run *run, const struct layer_gradients *gradients)
{
    feed_forward_backward(pass, layer, run, gradients);
    attention_part_backward(pass, layer, run, gradients);
}
