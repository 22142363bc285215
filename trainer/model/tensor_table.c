/* What each family is made of, in the order of Hugging Face's state dictionaries. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "trainer/model/model.h"

enum dimension { NONE, VOCAB, POSITIONS, WIDTH, WIDTH_3, QUERIES, KEYS, FFN };

struct tensor_spec {
    const char *name; /* in a layer: after the layer's prefix */
    enum dimension rows, cols;
    enum tensor_init init;
    bool decays, is_embedding;
};

static const struct tensor_spec gpt2_input[] = {
    { "transformer.wte.weight", VOCAB, WIDTH, INIT_NORMAL, true, true },
    { "transformer.wpe.weight", POSITIONS, WIDTH, INIT_NORMAL, true, true },
};

static const struct tensor_spec gpt2_layer[] = {
    { "ln_1.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "ln_1.bias", WIDTH, NONE, INIT_ZERO, false, false },
    { "attn.c_attn.weight", WIDTH, WIDTH_3, INIT_NORMAL, true, false },
    { "attn.c_attn.bias", WIDTH_3, NONE, INIT_ZERO, false, false },
    { "attn.c_proj.weight", WIDTH, WIDTH, INIT_NORMAL_RESIDUAL, true, false },
    { "attn.c_proj.bias", WIDTH, NONE, INIT_ZERO, false, false },
    { "ln_2.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "ln_2.bias", WIDTH, NONE, INIT_ZERO, false, false },
    { "mlp.c_fc.weight", WIDTH, FFN, INIT_NORMAL, true, false },
    { "mlp.c_fc.bias", FFN, NONE, INIT_ZERO, false, false },
    { "mlp.c_proj.weight", FFN, WIDTH, INIT_NORMAL_RESIDUAL, true, false },
    { "mlp.c_proj.bias", WIDTH, NONE, INIT_ZERO, false, false },
};

static const struct tensor_spec gpt2_output[] = {
    { "transformer.ln_f.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "transformer.ln_f.bias", WIDTH, NONE, INIT_ZERO, false, false },
};

static const struct tensor_spec llama_input[] = {
    { "model.embed_tokens.weight", VOCAB, WIDTH, INIT_NORMAL, true, true },
};

/* q, k, v and gate, up must be neighbours: layer_plan reads them as one matrix. */
static const struct tensor_spec llama_layer[] = {
    { "input_layernorm.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "self_attn.q_proj.weight", QUERIES, WIDTH, INIT_NORMAL, true, false },
    { "self_attn.k_proj.weight", KEYS, WIDTH, INIT_NORMAL, true, false },
    { "self_attn.v_proj.weight", KEYS, WIDTH, INIT_NORMAL, true, false },
    { "self_attn.o_proj.weight", WIDTH, QUERIES, INIT_NORMAL_RESIDUAL, true, false },
    { "post_attention_layernorm.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "mlp.gate_proj.weight", FFN, WIDTH, INIT_NORMAL, true, false },
    { "mlp.up_proj.weight", FFN, WIDTH, INIT_NORMAL, true, false },
    { "mlp.down_proj.weight", WIDTH, FFN, INIT_NORMAL_RESIDUAL, true, false },
};

static const struct tensor_spec llama_output[] = {
    { "model.norm.weight", WIDTH, NONE, INIT_ONE, false, false },
    { "lm_head.weight", VOCAB, WIDTH, INIT_NORMAL, true, false }, /* last: absent where tied */
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

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
    case QUERIES: /* heads times (width / heads) */
        return config->width;
    case WIDTH_3:
        return 3 * config->width;
    case KEYS:
        return config->kv_heads * (config->width / config->heads);
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

static void add_tensors(struct tensor_table *table, const struct tensor_spec *specs, int count,
                        const char *prefix, const struct model_config *config)
{
    for (int i = 0; i < count; i++)
        add_tensor(table, &specs[i], prefix, config);
}

void tensor_table_init(struct tensor_table *table, const struct model_config *config)
{
    const bool is_gpt2 = config->family == FAMILY_GPT2;
    const int in_layer = is_gpt2 ? COUNT(gpt2_layer) : COUNT(llama_layer);
    *table = (struct tensor_table){ 0 };
    table->tensors =
        memory_alloc_zeroed((size_t)(config->layers * in_layer + 4), sizeof *table->tensors);
    if (is_gpt2)
        add_tensors(table, gpt2_input, COUNT(gpt2_input), "", config);
    else
        add_tensors(table, llama_input, COUNT(llama_input), "", config);
    for (int64_t l = 0; l < config->layers; l++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "%s.%lld.", is_gpt2 ? "transformer.h" : "model.layers",
                 (long long)l);
        add_tensors(table, is_gpt2 ? gpt2_layer : llama_layer, in_layer, prefix, config);
    }
    if (is_gpt2)
        add_tensors(table, gpt2_output, COUNT(gpt2_output), "", config);
    else
        add_tensors(table, llama_output, COUNT(llama_output) - config->tied_head, "", config);
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
