#include "trainer/model/huggingface_config.h"

#include <string.h>

#include "trainer/model/huggingface_keys.h"

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

static void print_llama(const struct model_config *config, struct json *json)
{
    json_put(json, "architectures", one_text("LlamaForCausalLM"));
    json_put_text(json, "model_type", "llama");
    json_put_text(json, "hidden_act", "silu");
    json_put_integer(json, "num_hidden_layers", config->layers);
    json_put_integer(json, "hidden_size", config->width);
    json_put_integer(json, "num_attention_heads", config->heads);
    json_put_integer(json, "num_key_value_heads", config->kv_heads);
    json_put_integer(json, "head_dim", config->width / config->heads);
    json_put_integer(json, "intermediate_size", config->ffn_width);
    json_put_integer(json, "max_position_embeddings", config->max_positions);
    json_put_number(json, "rms_norm_eps", config->norm_epsilon);
    json_put_number(json, "rope_theta", config->rope_theta);
    json_put_bool(json, "attention_bias", false);
    json_put_bool(json, "mlp_bias", false);
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

static bool is_absent(const struct json *json, const char *key)
{
    const struct json *value = json_member(json, key);
    return !value || json_kind_of(value) == JSON_KIND_NULL;
}

/* A key that is absent or null leaves *out as it is: these three. */
static enum status maybe_dimension(const struct json *json, const char *key, const char *source,
                                   int64_t *out)
{
    return is_absent(json, key) ? STATUS_OK : need_dimension(json, key, source, out);
}

static enum status maybe_number(const struct json *json, const char *key, const char *source,
                                double *out)
{
    return is_absent(json, key) ? STATUS_OK : json_need_number(json, key, source, out);
}

static enum status maybe_bool(const struct json *json, const char *key, const char *source,
                              bool *out)
{
    return is_absent(json, key) ? STATUS_OK : json_need_bool(json, key, source, out);
}

/* What is expected is transformers' default too. */
static enum status require_text(const struct json *json, const char *key, const char *expected,
                                const char *source)
{
    const char *text;
    if (is_absent(json, key))
        return STATUS_OK;
    TRY(json_need_text(json, key, source, &text));
    if (strcmp(text, expected) != 0 || json_text_length(json_member(json, key)) != strlen(text))
        return bad_input("cannot use '%s': %s is '%s', and eon computes '%s'", source, key, text,
                         expected);
    return STATUS_OK;
}

static enum status refuse_if_true(const struct json *json, const char *key, const char *source)
{
    bool is_true = false;
    TRY(maybe_bool(json, key, source, &is_true));
    if (is_true)
        return bad_input("cannot use '%s': %s is true, which eon does not compute", source, key);
    return STATUS_OK;
}

static enum status parse_gpt2(const struct json *json, const char *source,
                              struct model_config *config)
{
    config->family = FAMILY_GPT2;
    config->tied_head = true;
    TRY(require_text(json, "activation_function", "gelu_new", source));
    TRY(refuse_if_true(json, "scale_attn_by_inverse_layer_idx", source));
    TRY(need_dimension(json, "n_layer", source, &config->layers));
    TRY(need_dimension(json, "n_embd", source, &config->width));
    TRY(need_dimension(json, "n_head", source, &config->heads));
    config->kv_heads = config->heads;
    config->ffn_width = 4 * config->width;
    TRY(maybe_dimension(json, "n_inner", source, &config->ffn_width));
    TRY(need_dimension(json, "n_positions", source, &config->max_positions));
    bool is_tied = true;
    TRY(maybe_bool(json, "tie_word_embeddings", source, &is_tied));
    if (!is_tied)
        return bad_input("cannot use '%s': tie_word_embeddings is false, which eon does not "
                         "compute in a gpt2",
                         source);
    config->norm_epsilon = 1e-5;
    return maybe_number(json, "layer_norm_epsilon", source, &config->norm_epsilon);
}

/* transformers 5 writes {"rope_parameters": {"rope_theta": ..., "rope_type": "default"}}. */
static enum status parse_rope(const struct json *json, const char *source,
                              struct model_config *config)
{
    void *cursor = NULL;
    const char *key;
    const struct json *value, *parameters;
    TRY(maybe_number(json, "rope_theta", source, &config->rope_theta));
    if (is_absent(json, "rope_parameters"))
        return STATUS_OK;
    TRY(json_need_kind(json, "rope_parameters", JSON_KIND_OBJECT, source, &parameters));
    while (json_next_member(parameters, &cursor, &key, &value))
        if (strcmp(key, "rope_type") != 0 && strcmp(key, "rope_theta") != 0)
            return bad_input("cannot use '%s': rope_parameters has '%s', which eon does not "
                             "compute",
                             source, key);
    TRY(require_text(parameters, "rope_type", "default", source));
    double theta = config->rope_theta;
    TRY(maybe_number(parameters, "rope_theta", source, &theta));
    if (!is_absent(json, "rope_theta") && theta != config->rope_theta)
        return bad_input("cannot use '%s': rope_theta is %g, and in rope_parameters %g", source,
                         config->rope_theta, theta);
    config->rope_theta = theta;
    return STATUS_OK;
}

static enum status parse_llama(const struct json *json, const char *source,
                               struct model_config *config)
{
    config->family = FAMILY_LLAMA;
    TRY(require_text(json, "hidden_act", "silu", source));
    TRY(refuse_if_true(json, "attention_bias", source));
    TRY(refuse_if_true(json, "mlp_bias", source));
    const struct json *scaling = json_member(json, "rope_scaling");
    if (scaling && json_kind_of(scaling) != JSON_KIND_NULL)
        return bad_input("cannot use '%s': rope_scaling is set, which eon does not compute",
                         source);

    TRY(need_dimension(json, "num_hidden_layers", source, &config->layers));
    TRY(need_dimension(json, "hidden_size", source, &config->width));
    TRY(need_dimension(json, "num_attention_heads", source, &config->heads));
    config->kv_heads = config->heads;
    TRY(maybe_dimension(json, "num_key_value_heads", source, &config->kv_heads));
    TRY(need_dimension(json, "intermediate_size", source, &config->ffn_width));
    TRY(need_dimension(json, "max_position_embeddings", source, &config->max_positions));
    int64_t head_dim = config->width / config->heads;
    TRY(maybe_dimension(json, "head_dim", source, &head_dim));
    if (head_dim * config->heads != config->width)
        return bad_input("cannot use '%s': head_dim (%lld) times num_attention_heads is not "
                         "hidden_size",
                         source, (long long)head_dim);
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
