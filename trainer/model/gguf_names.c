#include "trainer/model/gguf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/model/layer_plan.h"
#include "trainer/model/rope.h"

/* Without ".weight" or ".bias", which both sides end in. */
struct gguf_name {
    const char *ours, *theirs; /* in a layer: after its prefix */
    enum gguf_layout layout;
};

static const struct gguf_name gpt2_model[] = {
    { "transformer.wte", "token_embd", GGUF_LAYOUT_SAME },
    { "transformer.wpe", "position_embd", GGUF_LAYOUT_SAME },
    { "transformer.ln_f", "output_norm", GGUF_LAYOUT_SAME },
    { "lm_head", "output", GGUF_LAYOUT_SAME },
    { NULL, NULL, GGUF_LAYOUT_SAME },
};

static const struct gguf_name gpt2_layer[] = {
    { "ln_1", "attn_norm", GGUF_LAYOUT_SAME },
    { "attn.c_attn", "attn_qkv", GGUF_LAYOUT_TRANSPOSED },
    { "attn.c_proj", "attn_output", GGUF_LAYOUT_TRANSPOSED },
    { "ln_2", "ffn_norm", GGUF_LAYOUT_SAME },
    { "mlp.c_fc", "ffn_up", GGUF_LAYOUT_TRANSPOSED },
    { "mlp.c_proj", "ffn_down", GGUF_LAYOUT_TRANSPOSED },
    { NULL, NULL, GGUF_LAYOUT_SAME },
};

static const struct gguf_name llama_model[] = {
    { "model.embed_tokens", "token_embd", GGUF_LAYOUT_SAME },
    { "model.norm", "output_norm", GGUF_LAYOUT_SAME },
    { "lm_head", "output", GGUF_LAYOUT_SAME },
    { NULL, NULL, GGUF_LAYOUT_SAME },
};

static const struct gguf_name llama_layer[] = {
    { "input_layernorm", "attn_norm", GGUF_LAYOUT_SAME },
    { "self_attn.q_proj", "attn_q", GGUF_LAYOUT_INTERLEAVED },
    { "self_attn.k_proj", "attn_k", GGUF_LAYOUT_INTERLEAVED },
    { "self_attn.v_proj", "attn_v", GGUF_LAYOUT_SAME },
    { "self_attn.o_proj", "attn_output", GGUF_LAYOUT_SAME },
    { "post_attention_layernorm", "ffn_norm", GGUF_LAYOUT_SAME },
    { "mlp.gate_proj", "ffn_gate", GGUF_LAYOUT_SAME },
    { "mlp.up_proj", "ffn_up", GGUF_LAYOUT_SAME },
    { "mlp.down_proj", "ffn_down", GGUF_LAYOUT_SAME },
    { NULL, NULL, GGUF_LAYOUT_SAME },
};

static const struct {
    const char *layer_prefix; /* then the layer's number and a dot */
    const struct gguf_name *model, *layer;
} families[] = {
    [FAMILY_GPT2] = { "transformer.h.", gpt2_model, gpt2_layer },
    [FAMILY_LLAMA] = { "model.layers.", llama_model, llama_layer },
};

static const struct gguf_name *find(const struct gguf_name *names, const char *stem, size_t length)
{
    for (; names->ours; names++)
        if (strlen(names->ours) == length && memcmp(names->ours, stem, length) == 0)
            return names;
    return NULL;
}

enum status gguf_place_of(const struct model_config *config, const struct tensor *tensor,
                          struct gguf_place *place)
{
    const char *prefix = families[config->family].layer_prefix, *stem = tensor->name;
    const char *suffix = strrchr(stem, '.');
    const struct gguf_name *names = families[config->family].model;
    char layer[32] = "";
    if (strncmp(stem, prefix, strlen(prefix)) == 0) {
        char *after;
        snprintf(layer, sizeof layer, "blk.%ld.", strtol(stem + strlen(prefix), &after, 10));
        stem = after + 1;
        names = families[config->family].layer;
    }
    const struct gguf_name *name =
        suffix && suffix > stem ? find(names, stem, (size_t)(suffix - stem)) : NULL;
    if (!name)
        return bad_input("cannot name tensor '%s' in GGUF: %s models have none like it there",
                         tensor->name, model_family_names[config->family]);

    snprintf(place->name, sizeof place->name, "%s%s%s", layer, name->theirs, suffix);
    place->layout = name->layout;
    if (tensor->cols == 0 && place->layout == GGUF_LAYOUT_TRANSPOSED)
        place->layout = GGUF_LAYOUT_SAME;
    place->stays_f32 = tensor->cols == 0 || strcmp(name->theirs, "position_embd") == 0;
    return STATUS_OK;
}

int64_t gguf_head_width(const struct model_config *config)
{
    return head_dim_of(config);
}

int64_t gguf_rope_factors(const struct model_config *config, float *factors)
{
    struct model_config plain = *config;
    const int64_t pairs = head_dim_of(config) / 2;
    if (config->family != FAMILY_LLAMA || config->rope_scaling.kind != ROPE_LLAMA3)
        return 0;
    CHECK(pairs <= GGUF_ROPE_FACTORS_MOST, "heads of %lld have too many pairs",
          (long long)head_dim_of(config));
    plain.rope_scaling.kind = ROPE_NOT_SCALED;
    for (int64_t i = 0; i < pairs; i++)
        factors[i] = (float)(rope_frequency(&plain, i) / rope_frequency(config, i));
    return pairs;
}

int64_t gguf_source_row(int64_t row, int64_t head_width)
{
    const int64_t within = row % head_width;
    return row - within + within % 2 * (head_width / 2) + within / 2;
}
