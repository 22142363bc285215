#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/model/huggingface_config.h"
#include "trainer/model/layer_plan.h"

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
    assert_int_equal(parsed.attention_bias, config->attention_bias);
    assert_int_equal(parsed.mlp_bias, config->mlp_bias);
    assert_int_equal(head_dim_of(&parsed), head_dim_of(config));
    assert_int_equal(parsed.rope_scaling.kind, config->rope_scaling.kind);
    assert_true(parsed.rope_scaling.factor == config->rope_scaling.factor);
    assert_true(parsed.rope_scaling.low_freq_factor == config->rope_scaling.low_freq_factor);
    assert_true(parsed.rope_scaling.high_freq_factor == config->rope_scaling.high_freq_factor);
    assert_int_equal(parsed.rope_scaling.original_positions,
                     config->rope_scaling.original_positions);
}

static void both_families_survive_the_round_trip(void **state)
{
    (void)state;
    assert_round_trip(&llama);
    assert_round_trip(&gpt2);
}

static void what_a_model_may_have_beside_survives_the_round_trip(void **state)
{
    (void)state;
    struct model_config config = gpt2;
    config.tied_head = false;
    assert_round_trip(&config);
    config = llama;
    config.attention_bias = true;
    config.rope_scaling = (struct rope_scaling){ .kind = ROPE_LINEAR, .factor = 2.5 };
    assert_round_trip(&config);
    config = llama;
    config.mlp_bias = true;
    config.head_dim = 64;
    config.rope_scaling = (struct rope_scaling){ ROPE_LLAMA3, 32, 1, 4, 8192 };
    assert_round_trip(&config);
}

/* The llama config without its positions' keys, and with these. */
static enum status parse_with(const char *members, struct model_config *parsed)
{
    struct json *added, *json = huggingface_config_print(&llama, 3);
    const struct json *value;
    const char *key;
    assert_int_equal(json_parse(members, strlen(members), "members", &added), STATUS_OK);
    json_put_null(json, "rope_theta");
    for (void *cursor = NULL; json_next_member(added, &cursor, &key, &value);)
        json_put(json, key, json_duplicate(value));
    enum status status = huggingface_config_parse(json, "config.json", parsed);
    json_free(added);
    json_free(json);
    return status;
}

/* As Llama 2, Llama 3.2 in transformers 4 and in 5, and a model of transformers 4.30 write them. */
static void positions_are_read_as_every_transformers_writes_them(void **state)
{
    (void)state;
    struct model_config parsed;
    assert_int_equal(parse_with("{\"rope_scaling\": null}", &parsed), STATUS_OK);
    assert_true(parsed.rope_theta == 10000 && parsed.rope_scaling.kind == ROPE_NOT_SCALED);

    static const char *const llama3[] = {
        "{\"rope_theta\": 500000.0, \"rope_scaling\": {\"factor\": 32.0, \"low_freq_factor\": 1.0,"
        "\"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192,"
        "\"rope_type\": \"llama3\"}}",
        "{\"rope_parameters\": {\"factor\": 32, \"low_freq_factor\": 1, \"high_freq_factor\": 4,"
        "\"original_max_position_embeddings\": 8192, \"rope_theta\": 500000,"
        "\"rope_type\": \"llama3\"}}",
    };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(parse_with(llama3[i], &parsed), STATUS_OK);
        assert_true(parsed.rope_theta == 500000);
        assert_int_equal(parsed.rope_scaling.kind, ROPE_LLAMA3);
        assert_true(parsed.rope_scaling.factor == 32);
        assert_true(parsed.rope_scaling.low_freq_factor == 1);
        assert_true(parsed.rope_scaling.high_freq_factor == 4);
        assert_int_equal(parsed.rope_scaling.original_positions, 8192);
    }

    assert_int_equal(
        parse_with("{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4.0}}", &parsed),
        STATUS_OK);
    assert_int_equal(parsed.rope_scaling.kind, ROPE_LINEAR);
    assert_true(parsed.rope_theta == 10000 && parsed.rope_scaling.factor == 4);

    assert_int_equal(parse_with("{\"rope_parameters\": {\"rope_type\": \"default\","
                                "\"rope_theta\": 1e6}}",
                                &parsed),
                     STATUS_OK);
    assert_int_equal(parsed.rope_scaling.kind, ROPE_NOT_SCALED);
    assert_true(parsed.rope_theta == 1e6);
}

static void positions_that_eon_does_not_compute_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *members, *message;
    } cases[] = {
        { "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}", "'yarn'" },
        { "{\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}}", "'dynamic'" },
        { "{\"rope_parameters\": {\"rope_type\": \"longrope\"}}", "'longrope'" },
        { "{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\"}}}",
          "rope_parameters has no rope_type" },
        { "{\"rope_scaling\": 2}", "'rope_scaling' is an integer" },
        { "{\"rope_scaling\": {\"rope_type\": \"linear\"}}", "'factor'" },
        { "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0.5}}",
          "rope_factor is 0.5" },
        { "{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8}}", "'low_freq_factor'" },
        { "{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4,"
          "\"high_freq_factor\": 4}}",
          "rope_high_freq_factor is 4" },
        { "{\"partial_rotary_factor\": 0.5}", "partial_rotary_factor is 0.5" },
        { "{\"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.25}}",
          "partial_rotary_factor is 0.25" },
        { "{\"head_dim\": 47}", "head_dim is 47" },
        { "{\"head_dim\": 16777216}", "head_dim is 16777216" },
        { "{\"mlp_bias\": \"yes\"}", "'mlp_bias' is a string" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config parsed;
        assert_int_equal(parse_with(cases[i].members, &parsed), STATUS_BAD_INPUT);
        if (!strstr(status_message(), cases[i].message))
            fail_msg("'%s' does not say \"%s\"", status_message(), cases[i].message);
    }
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
        { LLAMA(",\"rope_parameters\":{\"rope_type\":\"default\",\"beta_fast\":32}"), "beta_fast" },
        { LLAMA(",\"rope_parameters\":7"), "rope_parameters" },
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
        cmocka_unit_test(what_a_model_may_have_beside_survives_the_round_trip),
        cmocka_unit_test(positions_are_read_as_every_transformers_writes_them),
        cmocka_unit_test(positions_that_eon_does_not_compute_are_refused_by_name),
        cmocka_unit_test(what_eon_does_not_compute_is_refused_by_name),
        cmocka_unit_test(what_old_configs_omit_has_its_documented_default),
        cmocka_unit_test(a_key_that_is_not_known_is_refused_by_name),
        cmocka_unit_test(what_changes_no_logit_is_passed_over),
        cmocka_unit_test(hostile_dimensions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
