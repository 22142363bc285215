/* What each family is made of, in the order of Hugging Face's state dictionaries. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "trainer/model/layer_plan.h"

enum dimension { NONE, VOCAB, POSITIONS, WIDTH, WIDTH_3, QUERIES, KEYS, FFN };

/* Which models have it. */
enum presence { ALWAYS, WITH_ATTENTION_BIAS, WITH_MLP_BIAS, WITH_OWN_HEAD };

struct tensor_spec {
    const char *name; /* in a layer: after the layer's prefix */
    enum dimension rows, cols;
    enum tensor_init init;
    bool decays, is_embedding;
    enum presence presence;
};

static const struct tensor_spec gpt2_input[] = {
    { "transformer.wte.weight", VOCAB, WIDTH, INIT_NORMAL, true, true, ALWAYS },
    { "transformer.wpe.weight", POSITIONS, WIDTH, INIT_NORMAL, true, true, ALWAYS },
    { 0 },
};

static const struct tensor_spec gpt2_layer[] = {
    { "ln_1.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "ln_1.bias", WIDTH, NONE, INIT_ZERO, false, false, ALWAYS },
    { "attn.c_attn.weight", WIDTH, WIDTH_3, INIT_NORMAL, true, false, ALWAYS },
    { "attn.c_attn.bias", WIDTH_3, NONE, INIT_ZERO, false, false, ALWAYS },
    { "attn.c_proj.weight", WIDTH, WIDTH, INIT_NORMAL_RESIDUAL, true, false, ALWAYS },
    { "attn.c_proj.bias", WIDTH, NONE, INIT_ZERO, false, false, ALWAYS },
    { "ln_2.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "ln_2.bias", WIDTH, NONE, INIT_ZERO, false, false, ALWAYS },
    { "mlp.c_fc.weight", WIDTH, FFN, INIT_NORMAL, true, false, ALWAYS },
    { "mlp.c_fc.bias", FFN, NONE, INIT_ZERO, false, false, ALWAYS },
    { "mlp.c_proj.weight", FFN, WIDTH, INIT_NORMAL_RESIDUAL, true, false, ALWAYS },
    { "mlp.c_proj.bias", WIDTH, NONE, INIT_ZERO, false, false, ALWAYS },
    { 0 },
};

static const struct tensor_spec gpt2_output[] = {
    { "transformer.ln_f.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "transformer.ln_f.bias", WIDTH, NONE, INIT_ZERO, false, false, ALWAYS },
    { "lm_head.weight", VOCAB, WIDTH, INIT_NORMAL, true, false, WITH_OWN_HEAD },
    { 0 },
};

static const struct tensor_spec llama_input[] = {
    { "model.embed_tokens.weight", VOCAB, WIDTH, INIT_NORMAL, true, true, ALWAYS },
    { 0 },
};

/* q, k, v and gate, up must be neighbours, and so must their biases: layer_plan reads them as one
 * matrix, and one vector. */
static const struct tensor_spec llama_layer[] = {
    { "input_layernorm.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "self_attn.q_proj.weight", QUERIES, WIDTH, INIT_NORMAL, true, false, ALWAYS },
    { "self_attn.k_proj.weight", KEYS, WIDTH, INIT_NORMAL, true, false, ALWAYS },
    { "self_attn.v_proj.weight", KEYS, WIDTH, INIT_NORMAL, true, false, ALWAYS },
    { "self_attn.q_proj.bias", QUERIES, NONE, INIT_ZERO, false, false, WITH_ATTENTION_BIAS },
    { "self_attn.k_proj.bias", KEYS, NONE, INIT_ZERO, false, false, WITH_ATTENTION_BIAS },
    { "self_attn.v_proj.bias", KEYS, NONE, INIT_ZERO, false, false, WITH_ATTENTION_BIAS },
    { "self_attn.o_proj.weight", WIDTH, QUERIES, INIT_NORMAL_RESIDUAL, true, false, ALWAYS },
    { "self_attn.o_proj.bias", WIDTH, NONE, INIT_ZERO, false, false, WITH_ATTENTION_BIAS },
    { "post_attention_layernorm.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "mlp.gate_proj.weight", FFN, WIDTH, INIT_NORMAL, true, false, ALWAYS },
    { "mlp.up_proj.weight", FFN, WIDTH, INIT_NORMAL, true, false, ALWAYS },
    { "mlp.gate_proj.bias", FFN, NONE, INIT_ZERO, false, false, WITH_MLP_BIAS },
    { "mlp.up_proj.bias", FFN, NONE, INIT_ZERO, false, false, WITH_MLP_BIAS },
    { "mlp.down_proj.weight", WIDTH, FFN, INIT_NORMAL_RESIDUAL, true, false, ALWAYS },
    { "mlp.down_proj.bias", WIDTH, NONE, INIT_ZERO, false, false, WITH_MLP_BIAS },
    { 0 },
};

static const struct tensor_spec llama_output[] = {
    { "model.norm.weight", WIDTH, NONE, INIT_ONE, false, false, ALWAYS },
    { "lm_head.weight", VOCAB, WIDTH, INIT_NORMAL, true, false, WITH_OWN_HEAD },
    { 0 },
};

static const struct family_tensors {
    const struct tensor_spec *input, *layer, *output; /* ended by one without a name */
    const char *layers;                               /* before a layer's number */
} families[] = {
    [FAMILY_GPT2] = { gpt2_input, gpt2_layer, gpt2_output, "transformer.h" },
    [FAMILY_LLAMA] = { llama_input, llama_layer, llama_output, "model.layers" },
};

static int64_t dimension_size(enum dimension dimension, const struct model_config *config)
{
    switch (dimension) {
    case NONE:
        return 0;
    case VOCAB:
        return config->vocab_size;
    case POSITIONS:
        return config->max_positions;
    case WIDTH:
        return config->width;
    case QUERIES:
        return queries_width_of(config);
    case WIDTH_3:
        return 3 * config->width;
    case KEYS:
        return config->kv_heads * head_dim_of(config);
    case FFN:
        return config->ffn_width;
    }
    fatal("dimension %d is none", (int)dimension);
}

static void add_tensor(struct tensor_table *table, const struct tensor_spec *spec,
                       const char *prefix, const struct model_config *config)
{
    struct tensor *tensor = &table->tensors[table->tensor_count++];
    int length = snprintf(tensor->name, sizeof tensor->name, "%s%s", prefix, spec->name);
    CHECK(length < (int)sizeof tensor->name, "the tensor's name '%s' is cut off", tensor->name);
    tensor->rows = dimension_size(spec->rows, config);
    tensor->cols = dimension_size(spec->cols, config);
    tensor->offset = table->element_count;
    tensor->count = tensor->cols ? tensor->rows * tensor->cols : tensor->rows;
    tensor->init = spec->init;
    tensor->decays = spec->decays;
    tensor->is_embedding = spec->is_embedding;
    if (prefix[0] != '\0' && tensor->cols > 0)
        tensor->hidden_matrices = spec->cols == WIDTH_3 ? 3 : 1;
    table->element_count += tensor->count;
}

static bool is_present(const struct tensor_spec *spec, const struct model_config *config)
{
    switch (spec->presence) {
    case ALWAYS:
        return true;
    case WITH_ATTENTION_BIAS:
        return config->attention_bias;
    case WITH_MLP_BIAS:
        return config->mlp_bias;
    case WITH_OWN_HEAD:
        return !config->tied_head;
    }
    fatal("presence %d is none", (int)spec->presence);
}

static void add_tensors(struct tensor_table *table, const struct tensor_spec *specs,
                        const char *prefix, const struct model_config *config)
{
    for (const struct tensor_spec *spec = specs; spec->name; spec++)
        if (is_present(spec, config))
            add_tensor(table, spec, prefix, config);
}

static int64_t count_of(const struct tensor_spec *specs)
{
    int64_t count = 0;
    while (specs[count].name)
        count++;
    return count;
}

void tensor_table_init(struct tensor_table *table, const struct model_config *config)
{
    const struct family_tensors *family = &families[config->family];
    const int64_t most = count_of(family->input) + config->layers * count_of(family->layer) +
                         count_of(family->output);
    *table = (struct tensor_table){ 0 };
    table->tensors = memory_alloc_zeroed((size_t)most, sizeof *table->tensors);
    add_tensors(table, family->input, "", config);
    for (int64_t l = 0; l < config->layers; l++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "%s.%lld.", family->layers, (long long)l);
        add_tensors(table, family->layer, prefix, config);
    }
    add_tensors(table, family->output, "", config);
}

void tensor_table_release(struct tensor_table *table)
{
    memory_free(table->tensors);
    *table = (struct tensor_table){ 0 };
}

const struct tensor *tensor_table_find(const struct tensor_table *table, const char *name)
{
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (strcmp(table->tensors[i].name, name) == 0)
            return &table->tensors[i];
    return NULL;
}
