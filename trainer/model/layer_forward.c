#include <string.h>

#include "trainer/model/layer.h"

struct attention layer_attention(const struct pass *pass, const struct layer_run *run)
{
    const struct model_config *config = pass->config;
    const int64_t HD = head_dim_of(config), keys_width = config->kv_heads * HD;
    const int64_t queries_width = queries_width_of(config);
    const struct rows qkv = run->kept->qkv;
    struct attention attention = {
        .B = run->B,
        .T = run->T,
        .heads = config->heads,
        .kv_heads = config->kv_heads,
        .head_dim = HD,
        .element = qkv.element,
        .queries = qkv.values,
        .query_stride = qkv_width_of(config),
        .keys = rows_element(qkv, queries_width),
        .values = rows_element(qkv, queries_width + keys_width),
        .kv_stride = qkv_width_of(config),
        .out = run->kept->attended.values,
        .logsumexp = run->kept->logsumexp,
        .document_starts = run->document_starts,
    };
    if (run->cache) {
        attention.past = run->cache->positions;
        attention.keys = run->cache->rows;
        attention.values = run->cache->rows + keys_width;
        attention.kv_stride = 2 * keys_width;
    }
    return attention;
}

void layer_rotate(const struct pass *pass, const struct layer_run *run, struct rows qkv,
                  real direction)
{
    if (!run->rope->cosine)
        return;
    struct rotation rotation = {
        .cosine = run->rope->cosine,
        .sine = run->rope->sine,
        .heads = pass->config->heads + pass->config->kv_heads,
        .head_dim = head_dim_of(pass->config),
        .stride = qkv_width_of(pass->config),
        .T = run->T,
        .past = run->cache ? run->cache->positions : 0,
        .direction = direction,
    };
    rotate_rows(pass->kernels, &rotation, qkv, run->B * run->T);
}

/* Keys and values lie side by side in a row of qkv, after the queries. */
static void fill_cache(const struct pass *pass, const struct layer_run *run)
{
    const int64_t stride = qkv_width_of(pass->config), queries = queries_width_of(pass->config);
    const int64_t width = stride - queries;
    real *rows = run->cache->rows + run->cache->positions * width;
    const real *keys = (const real *)run->kept->qkv.values + queries;
    for (int64_t t = 0; t < run->T; t++)
        memcpy(rows + t * width, keys + t * stride, (size_t)width * sizeof(real));
}

void layer_attend(const struct pass *pass, const struct layer_plan *layer,
                  const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct norm norm = norm_of(pass, layer->attention_norm);
    const struct rows normed = run->scratch->normed;
    const int64_t rows = run->B * run->T;

    norm_forward(pass->kernels, &norm, kept->input, normed, kept->attention_norm.mean,
                 kept->attention_norm.rstd, rows);
    linear_forward(pass, &layer->qkv, normed, NULL, kept->qkv, rows);
    layer_rotate(pass, run, kept->qkv, 1);
    if (run->cache)
        fill_cache(pass, run);
    struct attention attention = layer_attention(pass, run);
    attention_forward(pass->kernels, &attention);
}

void layer_project(const struct pass *pass, const struct layer_plan *layer,
                   const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct norm norm = norm_of(pass, layer->ffn_norm);
    const int64_t rows = run->B * run->T;

    linear_forward(pass, &layer->project, kept->attended, kept->input, rows_of_reals(kept->middle),
                   rows);
    norm_forward(pass->kernels, &norm, kept->middle, run->scratch->normed, kept->ffn_norm.mean,
                 kept->ffn_norm.rstd, rows);
}

void layer_forward(const struct pass *pass, const struct layer_plan *layer,
                   const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct layer_scratch *s = run->scratch;
    const int64_t rows = run->B * run->T;

    pass_needs(pass, linear_end(&layer->qkv));
    layer_attend(pass, layer, run);
    pass_needs(pass, layer->expand.weight);
    layer_project(pass, layer, run);
    pass_needs(pass, linear_end(&layer->expand));
    linear_forward_activated(pass, &layer->expand, s->normed, kept->expanded, s->activated, rows);
    pass_needs(pass, linear_end(&layer->contract));
    linear_forward(pass, &layer->contract, s->activated, kept->middle, rows_of_reals(run->output),
                   rows);
}
