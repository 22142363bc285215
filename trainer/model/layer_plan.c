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

/* `count` matrices [out,in] that follow each other in the flat vector: one product. */
static struct linear_plan llama_linear(const struct tensor_table *table, int64_t layer,
                                       const char *const *suffixes, int count)
{
    const struct tensor *first = layer_tensor(table, "model.layers", layer, suffixes[0]);
    struct linear_plan plan = { first->offset, NO_TENSOR, first->cols, 0, true };
    int64_t end = first->offset;
    for (int i = 0; i < count; i++) {
        const struct tensor *part = layer_tensor(table, "model.layers", layer, suffixes[i]);
        CHECK(part->offset == end && part->cols == plan.in, "'%s' does not follow its neighbour",
              part->name);
        end += part->count;
        plan.out += part->rows;
    }
    return plan;
}

static struct layer_plan llama_layer(const struct tensor_table *table, int64_t layer)
{
    static const char *const qkv[] = { "self_attn.q_proj.weight", "self_attn.k_proj.weight",
                                       "self_attn.v_proj.weight" };
    static const char *const project[] = { "self_attn.o_proj.weight" };
    static const char *const expand[] = { "mlp.gate_proj.weight", "mlp.up_proj.weight" };
    static const char *const contract[] = { "mlp.down_proj.weight" };
    const char *prefix = "model.layers";
    return (struct layer_plan){
        .attention_norm =
            layer_norm_at(layer_tensor(table, prefix, layer, "input_layernorm.weight"), NULL),
        .ffn_norm = layer_norm_at(
            layer_tensor(table, prefix, layer, "post_attention_layernorm.weight"), NULL),
        .qkv = llama_linear(table, layer, qkv, 3),
        .project = llama_linear(table, layer, project, 1),
        .expand = llama_linear(table, layer, expand, 2),
        .contract = llama_linear(table, layer, contract, 1),
    };
}

static void gpt2_views(struct model_views *views, const struct tensor_table *table)
{
    views->final_norm = layer_norm_at(need_tensor(table, "transformer.ln_f.weight"),
                                      need_tensor(table, "transformer.ln_f.bias"));
    views->token_table = need_tensor(table, "transformer.wte.weight")->offset;
    views->position_table = need_tensor(table, "transformer.wpe.weight")->offset;
    views->head = views->token_table;
}

static void llama_views(struct model_views *views, const struct tensor_table *table, bool tied)
{
    views->final_norm = layer_norm_at(need_tensor(table, "model.norm.weight"), NULL);
    views->token_table = need_tensor(table, "model.embed_tokens.weight")->offset;
    views->position_table = NO_TENSOR;
    views->head = tied ? views->token_table : need_tensor(table, "lm_head.weight")->offset;
}

struct model_views *model_views_create(const struct model_config *config,
                                       const struct tensor_table *table)
{
    struct model_views *views = memory_alloc_zeroed(1, sizeof *views);
    views->layers = memory_alloc_zeroed((size_t)config->layers, sizeof *views->layers);
    for (int64_t l = 0; l < config->layers; l++)
        views->layers[l] =
            config->family == FAMILY_GPT2 ? gpt2_layer(table, l) : llama_layer(table, l);
    if (config->family == FAMILY_GPT2)
        gpt2_views(views, table);
    else
        llama_views(views, table, config->tied_head);
    return views;
}

void model_views_free(struct model_views *views)
{
    if (!views)
        return;
    memory_free(views->layers);
    memory_free(views);
}
