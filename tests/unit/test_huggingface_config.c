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
        cmocka_unit_test(hostile_dimensions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
