#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/model/gguf_names.h"

#include "tests/unit/tiny_models.h"

static struct gguf_place place_of(enum model_family family, const char *name, int64_t cols)
{
    const struct model_config config = { .family = family };
    struct tensor tensor = { .rows = 8, .cols = cols };
    struct gguf_place place;
    snprintf(tensor.name, sizeof tensor.name, "%s", name);
    assert_int_equal(gguf_place_of(&config, &tensor, &place), STATUS_OK);
    return place;
}

static void tensors_have_the_names_of_llama_cpp(void **state)
{
    (void)state;
    static const struct {
        enum model_family family;
        const char *ours, *theirs;
    } cases[] = {
        { FAMILY_GPT2, "transformer.wte.weight", "token_embd.weight" },
        { FAMILY_GPT2, "transformer.wpe.weight", "position_embd.weight" },
        { FAMILY_GPT2, "transformer.h.0.ln_1.bias", "blk.0.attn_norm.bias" },
        { FAMILY_GPT2, "transformer.h.11.attn.c_attn.weight", "blk.11.attn_qkv.weight" },
        { FAMILY_GPT2, "transformer.h.3.attn.c_proj.bias", "blk.3.attn_output.bias" },
        { FAMILY_GPT2, "transformer.h.3.mlp.c_proj.weight", "blk.3.ffn_down.weight" },
        { FAMILY_GPT2, "transformer.ln_f.bias", "output_norm.bias" },
        { FAMILY_GPT2, "lm_head.weight", "output.weight" },
        { FAMILY_LLAMA, "model.embed_tokens.weight", "token_embd.weight" },
        { FAMILY_LLAMA, "model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight" },
        { FAMILY_LLAMA, "model.layers.31.self_attn.k_proj.weight", "blk.31.attn_k.weight" },
        { FAMILY_LLAMA, "model.layers.31.self_attn.k_proj.bias", "blk.31.attn_k.bias" },
        { FAMILY_LLAMA, "model.layers.2.mlp.down_proj.bias", "blk.2.ffn_down.bias" },
        { FAMILY_LLAMA, "model.layers.2.post_attention_layernorm.weight", "blk.2.ffn_norm.weight" },
        { FAMILY_LLAMA, "model.norm.weight", "output_norm.weight" },
        { FAMILY_LLAMA, "lm_head.weight", "output.weight" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(place_of(cases[i].family, cases[i].ours, 8).name, cases[i].theirs);
}

static void every_tensor_of_a_model_has_a_name(void **state)
{
    (void)state;
    for (int m = 0; m < TINY_MODELS; m++) {
        struct tensor_table table;
        struct gguf_place place;
        tensor_table_init(&table, &tiny_models[m]);
        for (int64_t i = 0; i < table.tensor_count; i++)
            assert_int_equal(gguf_place_of(&tiny_models[m], &table.tensors[i], &place), STATUS_OK);
        tensor_table_release(&table);
    }
}

static void a_tensor_without_a_name_is_refused_by_its_own(void **state)
{
    (void)state;
    static const struct {
        enum model_family family;
        const char *name;
    } cases[] = {
        { FAMILY_LLAMA, "model.layers.0.self_attn.q_norm.weight" },
        { FAMILY_LLAMA, "transformer.wte.weight" },
        { FAMILY_GPT2, "transformer.h.0.ln_3.weight" },
        { FAMILY_GPT2, "weight" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct model_config config = { .family = cases[i].family };
        struct tensor tensor = { .rows = 8 };
        struct gguf_place place;
        snprintf(tensor.name, sizeof tensor.name, "%s", cases[i].name);
        assert_int_equal(gguf_place_of(&config, &tensor, &place), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), cases[i].name));
    }
}

static void matrices_are_turned_and_biases_follow_their_rows(void **state)
{
    (void)state;
    assert_int_equal(place_of(FAMILY_GPT2, "transformer.h.0.mlp.c_fc.weight", 8).layout,
                     GGUF_LAYOUT_TRANSPOSED);
    assert_int_equal(place_of(FAMILY_GPT2, "transformer.h.0.mlp.c_fc.bias", 0).layout,
                     GGUF_LAYOUT_SAME);
    assert_int_equal(place_of(FAMILY_GPT2, "transformer.wte.weight", 8).layout, GGUF_LAYOUT_SAME);
    assert_int_equal(place_of(FAMILY_LLAMA, "model.layers.0.self_attn.q_proj.weight", 8).layout,
                     GGUF_LAYOUT_INTERLEAVED);
    assert_int_equal(place_of(FAMILY_LLAMA, "model.layers.0.self_attn.q_proj.bias", 0).layout,
                     GGUF_LAYOUT_INTERLEAVED);
    assert_int_equal(place_of(FAMILY_LLAMA, "model.layers.0.self_attn.v_proj.weight", 8).layout,
                     GGUF_LAYOUT_SAME);
}

static void vectors_and_positions_stay_as_they_are(void **state)
{
    (void)state;
    assert_true(place_of(FAMILY_GPT2, "transformer.wpe.weight", 8).stays_f32);
    assert_true(place_of(FAMILY_LLAMA, "model.norm.weight", 0).stays_f32);
    assert_false(place_of(FAMILY_LLAMA, "lm_head.weight", 8).stays_f32);
}

static void rows_that_turn_together_become_neighbours(void **state)
{
    (void)state;
    static const int64_t expected[] = { 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15 };
    for (int64_t row = 0; row < 16; row++)
        assert_int_equal(gguf_source_row(row, 8), expected[row]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_have_the_names_of_llama_cpp),
        cmocka_unit_test(every_tensor_of_a_model_has_a_name),
        cmocka_unit_test(a_tensor_without_a_name_is_refused_by_its_own),
        cmocka_unit_test(matrices_are_turned_and_biases_follow_their_rows),
        cmocka_unit_test(vectors_and_positions_stay_as_they_are),
        cmocka_unit_test(rows_that_turn_together_become_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
