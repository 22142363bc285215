#include "trainer/training/gguf_metadata.h"

#include <stdio.h>
#include <string.h>

#include "checkpoints/gguf_format.h"
#include "trainer/model/gguf_names.h"

enum { QUANTIZATION_VERSION = 2 }; /* of q8_0's layout: ggml, GGML_QNT_VERSION */

/* The key of the family's architecture, until the next call. */
static const char *key_of(const struct model_config *config, const char *key)
{
    static _Thread_local char text[64];
    snprintf(text, sizeof text, "%s.%s", model_family_names[config->family], key);
    return text;
}

static void put_size(struct gguf_writer *writer, const struct model_config *config, const char *key,
                     int64_t value)
{
    gguf_put_u32(writer, key_of(config, key), value);
}

static void put_rope(struct gguf_writer *writer, const struct model_config *config)
{
    put_size(writer, config, "rope.dimension_count", gguf_head_width(config));
    gguf_put_f32(writer, key_of(config, "rope.freq_base"), config->rope_theta);
    if (config->rope_scaling.kind != ROPE_LINEAR) /* llama3's are a tensor: gguf_rope_factors */
        return;
    gguf_put_text(writer, key_of(config, "rope.scaling.type"), "linear");
    gguf_put_f32(writer, key_of(config, "rope.scaling.factor"), config->rope_scaling.factor);
}

void gguf_put_model(struct gguf_writer *writer, const struct model_config *config, const char *name,
                    enum gguf_type type)
{
    gguf_put_text(writer, "general.architecture", model_family_names[config->family]);
    gguf_put_text(writer, "general.type", "model");
    gguf_put_text(writer, "general.name", name);
    gguf_put_u32(writer, "general.file_type", gguf_type_find(type)->file_type);
    gguf_put_u32(writer, "general.quantization_version", QUANTIZATION_VERSION);
    gguf_put_u32(writer, GGUF_ALIGNMENT_KEY, GGUF_ALIGNMENT);

    put_size(writer, config, "vocab_size", config->vocab_size);
    put_size(writer, config, "context_length", config->max_positions);
    put_size(writer, config, "embedding_length", config->width);
    put_size(writer, config, "block_count", config->layers);
    put_size(writer, config, "feed_forward_length", config->ffn_width);
    put_size(writer, config, "attention.head_count", config->heads);
    put_size(writer, config, "attention.head_count_kv", config->kv_heads);
    put_size(writer, config, "attention.key_length", gguf_head_width(config));
    put_size(writer, config, "attention.value_length", gguf_head_width(config));
    if (config->family == FAMILY_GPT2) {
        gguf_put_f32(writer, key_of(config, "attention.layer_norm_epsilon"), config->norm_epsilon);
    } else {
        gguf_put_f32(writer, key_of(config, "attention.layer_norm_rms_epsilon"),
                     config->norm_epsilon);
        put_rope(writer, config);
    }
}
