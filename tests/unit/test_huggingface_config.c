#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/model/huggingface_config.h"

static const struct model_config llama = { .family = FAMILY_LLAMA,
                                           .layers = 4,
                                           .width = 192,
                                           .heads = 4,
                                           .kv_heads = 2,
                                           .ffn_width = 512,
                                           .vocab_size = 4096,
                                           .max_positions = 256,
                                           .norm_epsilon = 1e-5,
                                           .rope_theta = 500000.0,
                                           .tied_head = false };
static const struct model_config gpt2 = { .family = FAMILY_GPT2,
                                          .layers = 12,
                                          .width = 768,
                                          .heads = 12,
                                          .kv_heads = 12,
                                          .ffn_width = 3072,
                                          .vocab_size = 50257,
                                          .max_positions = 1024,
                                          .norm_epsilon = 1e-5,
                                          .rope_theta = 10000.0,
                                          .tied_head = true };

static void assert_round_trip(const struct model_config *config)
{
    struct model_config parsed;
    struct json *json = huggingface_config_print(config, 3);
    assert_int_equal(huggingface_config_parse(json, "config.json", &parsed), STATUS_OK);
    json_free(json);
    assert_int_equal(parsed.family, config->family);
    assert_int_equal(parsed.layers, config->layers);
    assert_int_equal(parsed.width, config->width);
    assert_int_equal(parsed.heads, config->heads);
    assert_int_equal(parsed.kv_heads, config->kv_heads);
    assert_int_equal(parsed.ffn_width, config->ffn_width);
    assert_int_equal(parsed.vocab_size, config->vocab_size);
    assert_int_equal(parsed.max_positions, config->max_positions);
    assert_true(parsed.norm_epsilon == config->norm_epsilon);
    assert_true(parsed.rope_theta == config->rope_theta);
    assert_int_equal(parsed.tied_head, config->tied_head);
}

static void both_families_survive_the_round_trip(void **state)
{
    (void)state;
    assert_round_trip(&llama);
    assert_round_trip(&gpt2);
}

/* The llama config with one member replaced must be refused, naming the key. */
static void assert_refused(const char *key, struct json *value)
{
    struct model_config parsed;
    struct json *json = huggingface_config_print(&llama, 3);
    json_put(json, key, value);
    assert_int_equal(huggingface_config_parse(json, "config.json", &parsed), STATUS_BAD_INPUT);
    if (!strstr(status_message(), key) && !strstr(status_message(), "head"))
        fail_msg("'%s' does not name '%s'", status_message(), key);
    json_free(json);
}

static void what_eon_does_not_compute_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("model_type", json_new_text("mamba", 5));
    assert_refused("hidden_act", json_new_text("relu", 4));
    assert_refused("rope_scaling", json_new_object());
    assert_refused("hidden_size", json_new_object());
    assert_refused("vocab_size", json_new_text("many", 4));
}

static enum status parse_text(const char *text, struct model_config *config)
{
    struct json *json;
    assert_int_equal(json_parse(text, strlen(text), "config.json", &json), STATUS_OK);
    enum status status = huggingface_config_parse(json, "config.json", config);
    json_free(json);
    return status;
}

#define LLAMA(more)                                                                                \
    "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":32,"                        \
    "\"num_attention_heads\":4,\"intermediate_size\":48,\"max_position_embeddings\":64,"           \
    "\"vocab_size\":40" more "}"
#define GPT2(more)                                                                                 \
    "{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_embd\":32,\"n_head\":4,\"n_positions\":64,"        \
    "\"vocab_size\":40" more "}"

static void what_old_configs_omit_has_its_documented_default(void **state)
{
    (void)state;
    struct model_config config;
    assert_int_equal(parse_text(LLAMA(""), &config), STATUS_OK);
    assert_int_equal(config.kv_heads, 4);
    assert_true(config.rope_theta == 10000 && config.norm_epsilon == 1e-6);
    assert_false(config.tied_head);
    assert_int_equal(parse_text(LLAMA(",\"rope_theta\":null,\"hidden_act\":null"), &config),
                     STATUS_OK);
    assert_int_equal(parse_text(GPT2(",\"n_inner\":null"), &config), STATUS_OK);
    assert_int_equal(config.ffn_width, 128);
    assert_true(config.norm_epsilon == 1e-5 && config.tied_head);
}

static void rotary_parameters_are_read_in_both_places(void **state)
{
    (void)state;
    struct model_config config;
    assert_int_equal(parse_text(LLAMA(",\"rope_parameters\":{\"rope_theta\":5e5,"
                                      "\"rope_type\":\"default\"}"),
                                &config),
                     STATUS_OK);
    assert_true(config.rope_theta == 5e5);
    assert_int_equal(parse_text(LLAMA(",\"rope_parameters\":{},\"rope_theta\":2e4"), &config),
                     STATUS_OK);
    assert_true(config.rope_theta == 2e4);
    static const char *const refused[] = {
        LLAMA(",\"rope_parameters\":{\"rope_type\":\"yarn\"}"),
        LLAMA(",\"rope_parameters\":{\"rope_theta\":5e5,\"factor\":8}"),
        LLAMA(",\"rope_parameters\":{\"rope_theta\":5e5},\"rope_theta\":2e4"),
        LLAMA(",\"rope_parameters\":7"),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(parse_text(refused[i], &config), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), "rope_"));
    }
}

static void a_key_that_is_not_known_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } cases[] = {
        { LLAMA(",\"alibi\":false"), "alibi" },
        { LLAMA(",\"alibi\":null"), "alibi" },
        { LLAMA(",\"n_embd\":32"), "n_embd" }, /* of another family */
        { GPT2(",\"rope_theta\":1e4"), "rope_theta" },
        { LLAMA(",\"quantization_config\":{}"), "quantization_config" },
        { LLAMA(",\"pretraining_tp\":2"), "pretraining_tp" },
        { LLAMA(",\"pretraining_tp\":true"), "pretraining_tp" },
        { LLAMA(",\"attention_bias\":1"), "attention_bias" },
        { LLAMA(",\"partial_rotary_factor\":0.25"), "partial_rotary_factor" },
        { LLAMA(",\"sliding_window\":4096"), "sliding_window" },
        { LLAMA(",\"auto_map\":{}"), "auto_map" },
        { LLAMA(",\"pruned_heads\":{\"0\":[1]}"), "pruned_heads" },
        { LLAMA(",\"hidden_act\":\"silu\\u0000\""), "hidden_act" },
        { GPT2(",\"scale_attn_weights\":false"), "scale_attn_weights" },
        { GPT2(",\"scale_attn_by_inverse_layer_idx\":true"), "scale_attn_by_inverse_layer_idx" },
        { GPT2(",\"add_cross_attention\":true"), "add_cross_attention" },
        { GPT2(",\"is_encoder_decoder\":1"), "is_encoder_decoder" },
        { GPT2(",\"activation_function\":\"gelu\""), "activation_function" },
        { GPT2(",\"tie_word_embeddings\":false"), "tie_word_embeddings" },
    };
    struct model_config config;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse_text(cases[i].text, &config), STATUS_BAD_INPUT);
        if (!strstr(status_message(), cases[i].name))
            fail_msg("'%s' does not name '%s'", status_message(), cases[i].name);
    }
}

static void what_changes_no_logit_is_passed_over(void **state)
{
    (void)state;
    struct model_config config;
    assert_int_equal(
        parse_text(GPT2(",\"architectures\":[\"GPT2LMHeadModel\"],\"attn_pdrop\":0.1,"
                        "\"initializer_range\":0.02,\"n_ctx\":64,\"summary_type\":\"cls_index\","
                        "\"task_specific_params\":{\"text-generation\":{\"max_length\":50}},"
                        "\"scale_attn_weights\":true,\"reorder_and_upcast_attn\":false,"
                        "\"add_cross_attention\":false,\"pad_token_id\":null,\"use_cache\":true,"
                        "\"transformers_version\":\"5.24.0\",\"dtype\":\"bfloat16\""),
                   &config),
        STATUS_OK);
    assert_int_equal(
        parse_text(LLAMA(",\"attention_dropout\":0.0,\"pretraining_tp\":1,\"torch_dtype\":"
                         "\"float16\",\"attention_bias\":false,\"mlp_bias\":false,"
                         "\"rope_scaling\":null,\"head_dim\":8,\"pruned_heads\":{},"
                         "\"_name_or_path\":\"meta-llama/Llama-2-7b-hf\",\"sliding_window\":null"),
                   &config),
        STATUS_OK);
}

static void hostile_dimensions_are_refused(void **state)
{
    (void)state;
    static const int64_t hostile[] = { 0, -1, INT64_MAX, INT64_MIN, (int64_t)1 << 40 };
    static const char *const keys[] = { "num_hidden_layers", "hidden_size", "num_attention_heads",
                                        "vocab_size", "intermediate_size" };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            struct model_config parsed;
            struct json *json = huggingface_config_print(&llama, 3);
            json_put_integer(json, keys[k], hostile[i]);
            assert_int_equal(huggingface_config_parse(json, "config.json", &parsed),
                             STATUS_BAD_INPUT);
            json_free(json);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_survive_the_round_trip),
        cmocka_unit_test(what_eon_does_not_compute_is_refused_by_name),
        cmocka_unit_test(what_old_configs_omit_has_its_documented_default),
        cmocka_unit_test(rotary_parameters_are_read_in_both_places),
        cmocka_unit_test(a_key_that_is_not_known_is_refused_by_name),
        cmocka_unit_test(what_changes_no_logit_is_passed_over),
        cmocka_unit_test(hostile_dimensions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
