#include "trainer/model/layer.h"

void norm_plan_backward(const struct pass *pass, struct norm_plan plan, const real *x,
                        const struct norm_stats *stats, const struct layer_scratch *s, int64_t rows)
{
    const struct norm norm = norm_of(pass, plan);
    pass_begin_sums(pass, plan.gain, norm.C);
    if (plan.bias != NO_TENSOR)
        pass_begin_sums(pass, plan.bias, norm.C);
    const struct norm_gradient gradient = {
        .dx = s->doutput,
        .dgain = pass->gradient + plan.gain,
        .dbias = plan.bias == NO_TENSOR ? NULL : pass->gradient + plan.bias,
        .dx_sums = pass->views->has_residual_bias ? s->doutput_sums : NULL,
    };
    norm_backward(pass->kernels, &norm, s->dnormed, x, stats->mean, stats->rstd, &gradient, rows);
}

/* The gradient of a linear's parameters, whose output is added to the residual stream. */
static void residual_parameter_gradients(const struct pass *pass, const struct linear_plan *linear,
                                         struct rows x, int64_t ldx, const struct layer_scratch *s,
                                         int64_t rows)
{
    real *dbias = linear_bias_gradient(pass, linear);
    linear_weight_gradient(pass, linear, x, ldx, rows_of_reals(s->doutput), rows);
    if (dbias)
        pass->kernels->table->vector->add(dbias, s->doutput_sums, dbias, linear->out);
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
                        rows, pass->config->ffn_width, linear_bias_gradient(pass, &layer->expand),
                        s->dnormed);
    const struct rows activated = kept->expanded; /* computed once more, in its place */
    residual_parameter_gradients(pass, &layer->contract, activated, expanded, s, rows);
    pass_has_final(pass, layer->contract.weight);

    norm_apply(pass->kernels, &norm, kept->middle, s->normed, kept->ffn_norm.mean,
               kept->ffn_norm.rstd, rows);
    linear_weight_gradient(pass, &layer->expand, s->normed, C, s->dexpanded, rows);
    linear_input_gradient(pass, &layer->expand, s->dexpanded, dnormed, C, rows);
    norm_plan_backward(pass, layer->ffn_norm, kept->middle, &kept->ffn_norm, s, rows);
    pass_has_final(pass, layer->ffn_norm.gain);
}

/* Queries', keys' and values' gradients of attention, into dqkv. */
static void attended_backward(const struct pass *pass, const struct layer_run *run,
                              struct rows dattended)
{
    const int64_t queries_width = queries_width_of(pass->config);
    real *dqkv = run->scratch->dqkv.values, *dkeys = dqkv + queries_width;
    struct attention attention = layer_attention(pass, run);
    struct attention_gradient gradient = {
        .dout = dattended.values,
        .dqueries = dqkv,
        .dkeys = dkeys,
        .dvalues = dkeys + pass->config->kv_heads * head_dim_of(pass->config),
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
    const int64_t queries_width = queries_width_of(pass->config);

    residual_parameter_gradients(pass, &layer->project, kept->attended, queries_width, s, rows);
    pass_has_final(pass, layer->project.weight);
    linear_input_gradient(pass, &layer->project, doutput, dattended, queries_width, rows);
    attended_backward(pass, run, dattended);

    norm_apply(pass->kernels, &norm, kept->input, s->normed, kept->attention_norm.mean,
               kept->attention_norm.rstd, rows);
    linear_weight_gradient(pass, &layer->qkv, s->normed, C, s->dqkv, rows);
    real *dbias = linear_bias_gradient(pass, &layer->qkv);
    if (dbias)
        column_sums(pass->kernels, s->dqkv, dbias, rows, layer->qkv.out);
    linear_input_gradient(pass, &layer->qkv, s->dqkv, dnormed, C, rows);
    norm_plan_backward(pass, layer->attention_norm, kept->input, &kept->attention_norm, s, rows);
    pass_has_final(pass, layer->attention_norm.gain);
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
