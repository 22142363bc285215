#include "trainer/model/huggingface_config.h"

#include <string.h>

#include "trainer/model/huggingface_keys.h"
#include "trainer/model/layer_plan.h"

/* Larger than any published model's, small enough that products of two stay far from overflow. */
#define DIMENSION_MAX ((int64_t)1 << 24)

static struct json *one_text(const char *text)
{
    struct json *array = json_new_array();
    json_append_text(array, text);
    return array;
}

static void print_gpt2(const struct model_config *config, struct json *json)
{
    json_put(json, "architectures", one_text("GPT2LMHeadModel"));
    json_put_text(json, "model_type", "gpt2");
    json_put_text(json, "activation_function", "gelu_new");
    json_put_integer(json, "n_layer", config->layers);
    json_put_integer(json, "n_embd", config->width);
    json_put_integer(json, "n_head", config->heads);
    json_put_integer(json, "n_inner", config->ffn_width);
    json_put_integer(json, "n_positions", config->max_positions);
    json_put_number(json, "layer_norm_epsilon", config->norm_epsilon);
    json_put_number(json, "attn_pdrop", 0.0);
    json_put_number(json, "embd_pdrop", 0.0);
    json_put_number(json, "resid_pdrop", 0.0);
}

static void print_rope_scaling(const struct rope_scaling *scaling, struct json *json)
{
    if (scaling->kind == ROPE_NOT_SCALED)
        return;
    struct json *object = json_new_object();
    json_put_text(object, "rope_type", rope_scaling_names[scaling->kind]);
    json_put_number(object, "factor", scaling->factor);
    if (scaling->kind == ROPE_LLAMA3) {
        json_put_number(object, "low_freq_factor", scaling->low_freq_factor);
        json_put_number(object, "high_freq_factor", scaling->high_freq_factor);
        json_put_integer(object, "original_max_position_embeddings", scaling->original_positions);
    }
    json_put(json, "rope_scaling", object);
}

static void print_llama(const struct model_config *config, struct json *json)
{
    json_put(json, "architectures", one_text("LlamaForCausalLM"));
    json_put_text(json, "model_type", "llama");
    json_put_text(json, "hidden_act", "silu");
    json_put_integer(json, "num_hidden_layers", config->layers);
    json_put_integer(json, "hidden_size", config->width);
    json_put_integer(json, "num_attention_heads", config->heads);
    json_put_integer(json, "num_key_value_heads", config->kv_heads);
    json_put_integer(json, "head_dim", head_dim_of(config));
    json_put_integer(json, "intermediate_size", config->ffn_width);
    json_put_integer(json, "max_position_embeddings", config->max_positions);
    json_put_number(json, "rms_norm_eps", config->norm_epsilon);
    json_put_number(json, "rope_theta", config->rope_theta);
    print_rope_scaling(&config->rope_scaling, json);
    json_put_bool(json, "attention_bias", config->attention_bias);
    json_put_bool(json, "mlp_bias", config->mlp_bias);
}

struct json *huggingface_config_print(const struct model_config *config, int32_t end_of_text)
{
    struct json *json = json_new_object();
    if (config->family == FAMILY_GPT2)
        print_gpt2(config, json);
    else
        print_llama(config, json);
    json_put_integer(json, "vocab_size", config->vocab_size);
    json_put_bool(json, "tie_word_embeddings", config->tied_head);
    json_put_integer(json, "bos_token_id", end_of_text);
    json_put_integer(json, "eos_token_id", end_of_text);
    json_put_text(json, "torch_dtype", "float32");
    return json;
}

static enum status need_dimension(const struct json *json, const char *key, const char *source,
                                  int64_t *out)
{
    return json_need_integer(json, key, 1, DIMENSION_MAX, source, out);
}

static bool has(const struct json *json, const char *key)
{
    const struct json *value = json_member(json, key);
    return value && json_kind_of(value) != JSON_KIND_NULL;
}

/* A key that is absent or null leaves *out as it is, in all of these. */
static enum status maybe_dimension(const struct json *json, const char *key, const char *source,
                                   int64_t *out)
{
    return has(json, key) ? need_dimension(json, key, source, out) : STATUS_OK;
}

static enum status maybe_number(const struct json *json, const char *key, const char *source,
                                double *out)
{
    return has(json, key) ? json_need_number(json, key, source, out) : STATUS_OK;
}

static enum status maybe_bool(const struct json *json, const char *key, const char *source,
                              bool *out)
{
    return has(json, key) ? json_need_bool(json, key, source, out) : STATUS_OK;
}

/* What is expected is transformers' default too. */
static enum status require_text(const struct json *json, const char *key, const char *expected,
                                const char *source)
{
    const char *text;
    if (!has(json, key))
        return STATUS_OK;
    TRY(json_need_text(json, key, source, &text));
    if (strcmp(text, expected) != 0 || json_text_length(json_member(json, key)) != strlen(text))
        return bad_input("cannot use '%s': %s is '%s', and eon computes '%s'", source, key, text,
                         expected);
    return STATUS_OK;
}

static enum status parse_gpt2(const struct json *json, const char *source,
                              struct model_config *config)
{
    config->family = FAMILY_GPT2;
    config->tied_head = true;
    TRY(maybe_bool(json, "tie_word_embeddings", source, &config->tied_head));
    TRY(require_text(json, "activation_function", "gelu_new", source));
    TRY(need_dimension(json, "n_layer", source, &config->layers));
    TRY(need_dimension(json, "n_embd", source, &config->width));
    TRY(need_dimension(json, "n_head", source, &config->heads));
    config->kv_heads = config->heads;
    config->ffn_width = 4 * config->width;
    TRY(maybe_dimension(json, "n_inner", source, &config->ffn_width));
    TRY(need_dimension(json, "n_positions", source, &config->max_positions));
    config->norm_epsilon = 1e-5;
    return maybe_number(json, "layer_norm_epsilon", source, &config->norm_epsilon);
}

static enum status parse_llama3(const struct json *rope, const struct json *json,
                                const char *source, struct model_config *config)
{
    struct rope_scaling *scaling = &config->rope_scaling;
    TRY(json_need_number(rope, "low_freq_factor", source, &scaling->low_freq_factor));
    TRY(json_need_number(rope, "high_freq_factor", source, &scaling->high_freq_factor));
    const char *key = "original_max_position_embeddings";
    scaling->original_positions = config->max_positions;
    TRY(maybe_dimension(rope, key, source, &scaling->original_positions));
    return maybe_dimension(json, key, source, &scaling->original_positions);
}

static enum status check_rope_keys(const struct json *rope, const char *key, const char *source)
{
    static const char *const known[] = { "rope_type",
                                         "type",
                                         "rope_theta",
                                         "partial_rotary_factor",
                                         "factor",
                                         "low_freq_factor",
                                         "high_freq_factor",
                                         "original_max_position_embeddings",
                                         NULL };
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    while (json_next_member(rope, &cursor, &name, &value)) {
        int i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return bad_input("cannot use '%s': eon does not know the '%s' of %s", source, name,
                             key);
    }
    return STATUS_OK;
}

static enum status parse_rope_type(const struct json *rope, const char *key, const char *source,
                                   enum rope_scaling_kind *kind)
{
    const char *type_key = has(rope, "rope_type") ? "rope_type" : "type", *type;
    if (!has(rope, type_key))
        return bad_input("cannot use '%s': %s has no rope_type", source, key);
    TRY(json_need_text(rope, type_key, source, &type));
    if (strcmp(type, "default") == 0)
        *kind = ROPE_NOT_SCALED;
    else if (strcmp(type, "linear") == 0)
        *kind = ROPE_LINEAR;
    else if (strcmp(type, "llama3") == 0)
        *kind = ROPE_LLAMA3;
    else
        return bad_input("cannot use '%s': the rope_type of %s is '%s', and eon computes default, "
                         "linear and llama3",
                         source, key, type);
    return STATUS_OK;
}

/* transformers 4 writes rope_theta, and rope_scaling beside it; 5 writes both as rope_parameters,
 * and prefers rope_scaling where it finds one. */
static enum status parse_rope(const struct json *json, const char *source,
                              struct model_config *config)
{
    const char *key = has(json, "rope_scaling") ? "rope_scaling" : "rope_parameters";
    const struct json *rope = NULL;
    double rotated = 1;
    TRY(maybe_number(json, "rope_theta", source, &config->rope_theta));
    TRY(maybe_number(json, "partial_rotary_factor", source, &rotated));
    if (has(json, key)) {
        TRY(json_need_kind(json, key, JSON_KIND_OBJECT, source, &rope));
        TRY(parse_rope_type(rope, key, source, &config->rope_scaling.kind));
        TRY(check_rope_keys(rope, key, source));
        TRY(maybe_number(rope, "rope_theta", source, &config->rope_theta));
        TRY(maybe_number(rope, "partial_rotary_factor", source, &rotated));
    }
    if (rotated != 1)
        return bad_input("cannot use '%s': partial_rotary_factor is %g, and eon computes 1", source,
                         rotated);
    if (config->rope_scaling.kind != ROPE_NOT_SCALED)
        TRY(json_need_number(rope, "factor", source, &config->rope_scaling.factor));
    if (config->rope_scaling.kind == ROPE_LLAMA3)
        TRY(parse_llama3(rope, json, source, config));
    return STATUS_OK;
}

static enum status parse_llama(const struct json *json, const char *source,
                               struct model_config *config)
{
    config->family = FAMILY_LLAMA;
    TRY(require_text(json, "hidden_act", "silu", source));
    TRY(maybe_bool(json, "attention_bias", source, &config->attention_bias));
    TRY(maybe_bool(json, "mlp_bias", source, &config->mlp_bias));
    TRY(need_dimension(json, "num_hidden_layers", source, &config->layers));
    TRY(need_dimension(json, "hidden_size", source, &config->width));
    TRY(need_dimension(json, "num_attention_heads", source, &config->heads));
    config->kv_heads = config->heads;
    TRY(maybe_dimension(json, "num_key_value_heads", source, &config->kv_heads));
    TRY(need_dimension(json, "intermediate_size", source, &config->ffn_width));
    TRY(need_dimension(json, "max_position_embeddings", source, &config->max_positions));
    TRY(maybe_dimension(json, "head_dim", source, &config->head_dim));
    TRY(parse_rope(json, source, config));
    TRY(maybe_bool(json, "tie_word_embeddings", source, &config->tied_head));
    config->norm_epsilon = 1e-6;
    return maybe_number(json, "rms_norm_eps", source, &config->norm_epsilon);
}

enum status huggingface_config_parse(const struct json *json, const char *source,
                                     struct model_config *config)
{
    const char *type;
    TRY(json_need_text(json, "model_type", source, &type));
    *config = (struct model_config){ .rope_theta = 10000.0 };
    if (strcmp(type, "gpt2") == 0)
        TRY(parse_gpt2(json, source, config));
    else if (strcmp(type, "llama") == 0)
        TRY(parse_llama(json, source, config));
    else
        return bad_input("cannot use '%s': model_type '%s' is neither gpt2 nor llama", source,
                         type);
    TRY(huggingface_keys_check(json, config->family, source));
    TRY(need_dimension(json, "vocab_size", source, &config->vocab_size));
    return status_prefix(model_config_check(config), "cannot use '%s'", source);
}
