/* ranks: 1 2 3 4 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/mpi/mpi_test.h"
#include "trainer/optimizer/optimizer.h"

enum { STEPS = 3 };

static const struct optimizer_settings settings = {
    .kind = OPTIMIZER_MUON, .adamw = { 0.9, 0.95, 1e-8 }, .weight_decay = 0.1, .muon_momentum = 0.95
};

/* Elements of the slice are the gradient's; those outside it are NaN, and must not matter. */
static void fill_gradient(const struct world *world, float *gradient, int64_t count, int step)
{
    const struct slicing slicing = slicing_of(count, world->size);
    for (int64_t i = 0; i < count; i++)
        gradient[i] = slicing_owner(&slicing, i) != world->rank
                          ? NAN
                          : (float)(test_bits((uint64_t)step, (uint64_t)i) >> 40) * 0x1p-24f - 0.5f;
}

/* Collective over `world`. The parameters after STEPS updates, whole on every rank. */
static float *trained_parameters(const struct world *world, const struct tensor_table *table,
                                 enum element element, int threads)
{
    struct kernels kernels;
    struct optimizer optimizer;
    const int64_t count = table->element_count;
    float *parameters = memory_alloc_zeroed((size_t)count, sizeof(float));
    float *gradient = memory_alloc((size_t)count * sizeof(float));
    assert_int_equal(kernels_open(&kernels, "auto", threads), STATUS_OK);
    kernels_set_element(&kernels, element);
    optimizer_init(&optimizer, &settings, world, table);
    for (int step = 1; step <= STEPS; step++) {
        fill_gradient(world, gradient, count, step);
        optimizer_update(&optimizer, &kernels, parameters, gradient, 0.01, 0.5);
        test_gather_slices(world, parameters, count);
    }
    optimizer_release(&optimizer);
    kernels_close(&kernels);
    memory_free(gradient);
    return parameters;
}

/* Parts of slices that cut matrices and q | k | v, and more than one of a rank. */
static void check_model(const struct model_config *config)
{
    static const struct world alone = { .rank = 0, .size = 1 };
    struct tensor_table table;
    tensor_table_init(&table, config);
    size_t bytes = (size_t)table.element_count * sizeof(float);
    assert_true(slice_block_count(table.element_count) > 6);
    for (int element = ELEMENT_REAL; element < ELEMENTS; element++) {
        float *expected = trained_parameters(&alone, &table, (enum element)element, 1);
        float *together =
            trained_parameters(&test_world, &table, (enum element)element, 1 + test_world.rank % 2);
        assert_memory_equal(together, expected, bytes);
        memory_free(expected);
        memory_free(together);
    }
    tensor_table_release(&table);
}

static void gpt2_has_the_bits_of_one_rank(void **state)
{
    (void)state;
    check_model(&(struct model_config){ .family = FAMILY_GPT2,
                                        .layers = 3,
                                        .width = 120,
                                        .heads = 4,
                                        .kv_heads = 4,
                                        .ffn_width = 480,
                                        .vocab_size = 97,
                                        .max_positions = 16,
                                        .norm_epsilon = 1e-5,
                                        .tied_head = true });
}

static void llama_has_the_bits_of_one_rank(void **state)
{
    (void)state;
    check_model(&(struct model_config){ .family = FAMILY_LLAMA,
                                        .layers = 3,
                                        .width = 128,
                                        .heads = 4,
                                        .kv_heads = 2,
                                        .ffn_width = 321,
                                        .vocab_size = 300,
                                        .max_positions = 16,
                                        .norm_epsilon = 1e-5,
                                        .rope_theta = 1e4 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_has_the_bits_of_one_rank),
        cmocka_unit_test(llama_has_the_bits_of_one_rank),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
