#include "trainer/model/layer.h"

void norm_plan_backward(const struct pass *pass, struct norm_plan plan, const real *dnormed,
                        const real *x, const struct norm_stats *stats, real *dx, int64_t rows)
{
    const struct norm norm = norm_of(pass, plan);
    pass_begin_sums(pass, plan.gain, norm.C);
    if (plan.bias != NO_TENSOR)
        pass_begin_sums(pass, plan.bias, norm.C);
    norm_backward(pass->kernels, &norm, dnormed, x, stats->mean, stats->rstd, dx,
                  pass->gradient + plan.gain,
                  plan.bias == NO_TENSOR ? NULL : pass->gradient + plan.bias, rows);
}

/* doutput: in, of the layer's output; out, of `middle`. */
static void feed_forward_backward(const struct pass *pass, const struct layer_plan *layer,
                                  const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct layer_scratch *s = run->scratch;
    const struct norm norm = norm_of(pass, layer->ffn_norm);
    const struct rows doutput = rows_of_reals(s->doutput), dnormed = rows_of_reals(s->dnormed);
    const int64_t rows = run->B * run->T, C = pass->config->width;
    const int64_t expanded = expanded_width_of(pass->config);

    linear_input_gradient(pass, &layer->contract, doutput, s->dexpanded, expanded, rows);
    activation_backward(pass->kernels, activation_of(pass->config), kept->expanded, s->dexpanded,
                        rows, pass->config->ffn_width);
    const struct rows activated = kept->expanded; /* computed once more, in its place */
    linear_parameter_gradients(pass, &layer->contract, activated, expanded, doutput, rows);

    norm_apply(pass->kernels, &norm, kept->middle, s->normed, kept->ffn_norm.mean,
               kept->ffn_norm.rstd, rows);
    linear_parameter_gradients(pass, &layer->expand, s->normed, C, s->dexpanded, rows);
    linear_input_gradient(pass, &layer->expand, s->dexpanded, dnormed, C, rows);
    norm_plan_backward(pass, layer->ffn_norm, s->dnormed, kept->middle, &kept->ffn_norm, s->doutput,
                       rows);
}

/* Queries', keys' and values' gradients of attention, into dqkv. */
static void attended_backward(const struct pass *pass, const struct layer_run *run,
                              struct rows dattended)
{
    const int64_t HD = head_dim_of(pass->config), heads = pass->config->heads;
    real *dqkv = run->scratch->dqkv.values;
    struct attention attention = layer_attention(pass, run);
    struct attention_gradient gradient = {
        .dout = dattended.values,
        .dqueries = dqkv,
        .dkeys = dqkv + heads * HD,
        .dvalues = dqkv + (heads + pass->config->kv_heads) * HD,
    };
    attention_backward(pass->kernels, &attention, &gradient);
    layer_rotate(pass, run, run->scratch->dqkv, -1);
}

/* doutput: in, of `middle`; out, of the layer's input. */
static void attention_part_backward(const struct pass *pass, const struct layer_plan *layer,
                                    const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct layer_scratch *s = run->scratch;
    const struct norm norm = norm_of(pass, layer->attention_norm);
    const struct rows doutput = rows_of_reals(s->doutput), dnormed = rows_of_reals(s->dnormed);
    const struct rows dattended = { s->dnormed, s->dqkv.element }; /* free until the norm */
    const int64_t rows = run->B * run->T, C = pass->config->width;

    linear_parameter_gradients(pass, &layer->project, kept->attended, C, doutput, rows);
    linear_input_gradient(pass, &layer->project, doutput, dattended, C, rows);
    attended_backward(pass, run, dattended);

    norm_apply(pass->kernels, &norm, kept->input, s->normed, kept->attention_norm.mean,
               kept->attention_norm.rstd, rows);
    linear_parameter_gradients(pass, &layer->qkv, s->normed, C, s->dqkv, rows);
    linear_input_gradient(pass, &layer->qkv, s->dqkv, dnormed, C, rows);
    norm_plan_backward(pass, layer->attention_norm, s->dnormed, kept->input, &kept->attention_norm,
                       s->doutput, rows);
}

void layer_backward(const struct pass *pass, const struct layer_plan *layer,
                    const struct layer_run *run)
{
    if (run->recompute == RECOMPUTE_BLOCK) {
        layer_attend(pass, layer, run);
        layer_project(pass, layer, run);
        linear_forward(pass, &layer->expand, run->scratch->normed, NULL, run->kept->expanded,
                       run->B * run->T);
    }
    feed_forward_backward(pass, layer, run);

    if (run->recompute == RECOMPUTE_ATTENTION)
        layer_attend(pass, layer, run);
    attention_part_backward(pass, layer, run);
}
