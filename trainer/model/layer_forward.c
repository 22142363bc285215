#include <string.h>

#include "trainer/model/layer.h"

struct attention layer_attention(const struct pass *pass, const struct layer_run *run)
{
    const struct model_config *config = pass->config;
    const int64_t HD = head_dim_of(config), keys_width = config->kv_heads * HD;
    struct attention attention = {
        .B = run->B,
        .T = run->T,
        .heads = config->heads,
        .kv_heads = config->kv_heads,
        .head_dim = HD,
        .queries = run->kept->qkv,
        .query_stride = qkv_width_of(config),
        .keys = run->kept->qkv + config->heads * HD,
        .kv_stride = qkv_width_of(config),
        .out = run->kept->attended,
        .logsumexp = run->kept->logsumexp,
    };
    if (run->cache) {
        attention.past = run->cache->positions;
        attention.keys = run->cache->rows;
        attention.kv_stride = 2 * keys_width;
    }
    attention.values = attention.keys + keys_width;
    return attention;
}

void layer_rotate(const struct pass *pass, const struct layer_run *run, real *qkv, real direction)
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
    const int64_t HD = head_dim_of(pass->config), stride = qkv_width_of(pass->config);
    const int64_t width = 2 * pass->config->kv_heads * HD;
    real *rows = run->cache->rows + run->cache->positions * width;
    for (int64_t t = 0; t < run->T; t++)
        memcpy(rows + t * width, run->kept->qkv + t * stride + pass->config->heads * HD,
               (size_t)width * sizeof(real));
}

void layer_forward(const struct pass *pass, const struct layer_plan *layer,
                   const struct layer_run *run)
{
    const struct layer_activations *kept = run->kept;
    const struct norm attention_norm = norm_of(pass, layer->attention_norm);
    const struct norm ffn_norm = norm_of(pass, layer->ffn_norm);
    const int64_t rows = run->B * run->T, F = pass->config->ffn_width;
    struct kernels *kernels = pass->kernels;

    norm_forward(kernels, &attention_norm, kept->input, run->normed, kept->attention_norm.mean,
                 kept->attention_norm.rstd, rows);
    linear_forward(pass, &layer->qkv, run->normed, NULL, kept->qkv, rows);
    layer_rotate(pass, run, kept->qkv, 1);
    if (run->cache)
        fill_cache(pass, run);
    struct attention attention = layer_attention(pass, run);
    attention_forward(kernels, &attention);
    linear_forward(pass, &layer->project, kept->attended, kept->input, kept->middle, rows);

    norm_forward(kernels, &ffn_norm, kept->middle, run->normed, kept->ffn_norm.mean,
                 kept->ffn_norm.rstd, rows);
    linear_forward(pass, &layer->expand, run->normed, NULL, kept->expanded, rows);
    activation_forward(kernels, activation_of(pass->config), kept->expanded, run->activated, rows,
                       F);
    linear_forward(pass, &layer->contract, run->activated, kept->middle, run->output, rows);
}
