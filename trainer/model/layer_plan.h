/* layer_plan: where in the flat vector each part of a layer lies. Both families are
 * the same sequence of parts, so that forward and backward are written once:
 *
 *              gpt2                    llama
 *   norm       LayerNorm               RMSNorm
 *   qkv        c_attn [C, 3C] + bias   q_proj, k_proj, v_proj as one [(NH + 2 KV) HD, C] (+ bias)
 *   positions  learned, in the input   rotation of q and k
 *   project    c_proj [C, C] + bias    o_proj [C, Q] (+ bias)
 *   expand     c_fc [C, F] + bias      gate_proj, up_proj as one [2F, C] (+ bias)
 *   activation GELU                    SwiGLU
 *   contract   c_proj [F, C] + bias    down_proj [C, F] (+ bias)
 *
 * Private to trainer/model.
 */
#ifndef TRAINER_MODEL_LAYER_PLAN_H
#define TRAINER_MODEL_LAYER_PLAN_H

#include "trainer/kernels/rows.h"
#include "trainer/model/model.h"

#define NO_TENSOR (-1) /* the offset of what a model does not have */

struct norm_plan {
    int64_t gain, bias; /* offsets */
};

/* y[out] = x[in] W + bias. gpt2 stores W as [in,out], llama as [out,in]. */
struct linear_plan {
    int64_t weight, bias; /* offsets */
    int64_t in, out;
    bool is_out_by_in;
};

struct layer_plan {
    struct norm_plan attention_norm, ffn_norm;
    struct linear_plan qkv, project, expand, contract;
};

struct model_views {
    struct layer_plan *layers; /* [L] */
    struct norm_plan final_norm;
    int64_t token_table, position_table; /* offsets */
    int64_t head;                        /* [V,C]; the token table where it is tied */
    bool has_residual_bias;              /* a bias of project or contract, in every layer */
};

struct model_views *model_views_create(const struct model_config *config,
                                       const struct tensor_table *table);
void model_views_free(struct model_views *views);

static inline int64_t head_dim_of(const struct model_config *config)
{
    return config->head_dim ? config->head_dim : config->width / config->heads;
}

/* Columns of the queries, and of what attention makes of them. */
static inline int64_t queries_width_of(const struct model_config *config)
{
    return config->heads * head_dim_of(config);
}

/* Columns of a row of queries, keys and values. */
static inline int64_t qkv_width_of(const struct model_config *config)
{
    return (config->heads + 2 * config->kv_heads) * head_dim_of(config);
}

/* Columns between expand and the activation. */
static inline int64_t expanded_width_of(const struct model_config *config)
{
    return config->family == FAMILY_LLAMA ? 2 * config->ffn_width : config->ffn_width;
}

static inline enum activation activation_of(const struct model_config *config)
{
    return config->family == FAMILY_LLAMA ? ACTIVATION_SWIGLU : ACTIVATION_GELU;
}

#endif
