#include "trainer/model/layer_plan.h"

#include <stdio.h>

#include "base/memory.h"

static const struct tensor *need_tensor(const struct tensor_table *table, const char *name)
{
    const struct tensor *tensor = tensor_table_find(table, name);
    CHECK(tensor, "the tensor table has no '%s'", name);
    return tensor;
}

static const struct tensor *layer_tensor(const struct tensor_table *table, const char *prefix,
                                         int64_t layer, const char *suffix)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%lld.%s", prefix, (long long)layer, suffix);
    return need_tensor(table, name);
}

static struct norm_plan layer_norm_at(const struct tensor *gain, const struct tensor *bias)
{
    return (struct norm_plan){ gain->offset, bias ? bias->offset : NO_TENSOR };
}

/* [in,out] with a bias. */
static struct linear_plan gpt2_linear(const struct tensor_table *table, int64_t layer,
                                      const char *name)
{
    char suffix[48];
    snprintf(suffix, sizeof suffix, "%s.weight", name);
    const struct tensor *weight = layer_tensor(table, "transformer.h", layer, suffix);
    snprintf(suffix, sizeof suffix, "%s.bias", name);
    const struct tensor *bias = layer_tensor(table, "transformer.h", layer, suffix);
    return (struct linear_plan){ weight->offset, bias->offset, weight->rows, weight->cols, false };
}

static struct layer_plan gpt2_layer(const struct tensor_table *table, int64_t layer)
{
    const char *prefix = "transformer.h";
    return (struct layer_plan){
        .attention_norm = layer_norm_at(layer_tensor(table, prefix, layer, "ln_1.weight"),
                                        layer_tensor(table, prefix, layer, "ln_1.bias")),
        .ffn_norm = layer_norm_at(layer_tensor(table, prefix, layer, "ln_2.weight"),
                                  layer_tensor(table, prefix, layer, "ln_2.bias")),
        .qkv = gpt2_linear(table, layer, "attn.c_attn"),
        .project = gpt2_linear(table, layer, "attn.c_proj"),
        .expand = gpt2_linear(table, layer, "mlp.c_fc"),
        .contract = gpt2_linear(table, layer, "mlp.c_proj"),
    };
}

/* Tensors that follow each other in the flat vector, as one with the rows of all. */
static struct tensor llama_parts(const struct tensor_table *table, int64_t layer,
                                 const char *const *names, int count, const char *kind)
{
    struct tensor whole = { .rows = 0 };
    for (int i = 0; i < count; i++) {
        char suffix[48];
        snprintf(suffix, sizeof suffix, "%s.%s", names[i], kind);
        const struct tensor *part = layer_tensor(table, "model.layers", layer, suffix);
        if (i == 0)
            whole = (struct tensor){ .offset = part->offset, .cols = part->cols };
        CHECK(part->offset == whole.offset + whole.count && part->cols == whole.cols,
              "'%s' does not follow its neighbour", part->name);
        whole.rows += part->rows;
        whole.count += part->count;
    }
    return whole;
}

/* `count` matrices [out,in]: one product. */
static struct linear_plan llama_linear(const struct tensor_table *table, int64_t layer,
                                       const char *const *names, int count, bool has_bias)
{
    const struct tensor weight = llama_parts(table, layer, names, count, "weight");
    struct linear_plan plan = { weight.offset, NO_TENSOR, weight.cols, weight.rows, true };
    if (has_bias)
        plan.bias = llama_parts(table, layer, names, count, "bias").offset;
    return plan;
}

static struct layer_plan llama_layer(const struct tensor_table *table, int64_t layer,
                                     const struct model_config *config)
{
    static const char *const qkv[] = { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj" };
    static const char *const project[] = { "self_attn.o_proj" };
    static const char *const expand[] = { "mlp.gate_proj", "mlp.up_proj" };
    static const char *const contract[] = { "mlp.down_proj" };
    const char *prefix = "model.layers";
    return (struct layer_plan){
        .attention_norm =
            layer_norm_at(layer_tensor(table, prefix, layer, "input_layernorm.weight"), NULL),
        .ffn_norm = layer_norm_at(
            layer_tensor(table, prefix, layer, "post_attention_layernorm.weight"), NULL),
        .qkv = llama_linear(table, layer, qkv, 3, config->attention_bias),
        .project = llama_linear(table, layer, project, 1, config->attention_bias),
        .expand = llama_linear(table, layer, expand, 2, config->mlp_bias),
        .contract = llama_linear(table, layer, contract, 1, config->mlp_bias),
    };
}

static void gpt2_views(struct model_views *views, const struct tensor_table *table)
{
    views->final_norm = layer_norm_at(need_tensor(table, "transformer.ln_f.weight"),
                                      need_tensor(table, "transformer.ln_f.bias"));
    views->token_table = need_tensor(table, "transformer.wte.weight")->offset;
    views->position_table = need_tensor(table, "transformer.wpe.weight")->offset;
}

static void llama_views(struct model_views *views, const struct tensor_table *table)
{
    views->final_norm = layer_norm_at(need_tensor(table, "model.norm.weight"), NULL);
    views->token_table = need_tensor(table, "model.embed_tokens.weight")->offset;
    views->position_table = NO_TENSOR;
}

struct model_views *model_views_create(const struct model_config *config,
                                       const struct tensor_table *table)
{
    struct model_views *views = memory_alloc_zeroed(1, sizeof *views);
    views->layers = memory_alloc_zeroed((size_t)config->layers, sizeof *views->layers);
    for (int64_t l = 0; l < config->layers; l++)
        views->layers[l] =
            config->family == FAMILY_GPT2 ? gpt2_layer(table, l) : llama_layer(table, l, config);
    if (config->family == FAMILY_GPT2)
        gpt2_views(views, table);
    else
        llama_views(views, table);
    views->head =
        config->tied_head ? views->token_table : need_tensor(table, "lm_head.weight")->offset;
    views->has_residual_bias =
        views->layers[0].project.bias != NO_TENSOR || views->layers[0].contract.bias != NO_TENSOR;
    return views;
}

void model_views_free(struct model_views *views)
{
    if (!views)
        return;
    memory_free(views->layers);
    memory_free(views);
}
