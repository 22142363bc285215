/* ranks: 1 2 3 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/training_sample.h"
#include "trainer/training/run_saver.h"
#include "trainer/training/train_loop.h"
#include "trainer/training/train_step.h"

/* The sample has two leaves: on three ranks the first has none, the last always has one. */

/* Collective. NaN is the same as NaN here. */
static void assert_same_on_all_ranks(const void *bytes, size_t length)
{
    if (world_require_same(&test_world, bytes, length, "what a test looks at") != STATUS_OK)
        fail_msg("%s", status_message());
}

static void assert_same_report_on_all_ranks(const struct step_report *report)
{
    assert_same_on_all_ranks(&report->loss, sizeof report->loss);
    assert_same_on_all_ranks(&report->targets, sizeof report->targets);
    assert_same_on_all_ranks(&report->executed_flops, sizeof report->executed_flops);
    assert_same_on_all_ranks(&report->gradient_norm, sizeof report->gradient_norm);
    assert_same_on_all_ranks(&report->learning_rate, sizeof report->learning_rate);
    assert_same_on_all_ranks(&report->skipped, sizeof report->skipped);
}

static size_t parameter_bytes(const struct trainer *trainer)
{
    return (size_t)trainer->model.table.element_count * sizeof *trainer->model.parameters;
}

static void all_ranks_report_the_same_and_hold_the_same_parameters(void **state)
{
    struct trainer trainer;
    training_sample_open(*state, &trainer);
    for (int step = 0; step < 3; step++) {
        struct step_report report = training_must_step(&trainer);
        assert_false(report.skipped);
        assert_true(isfinite(report.loss) && report.gradient_norm > 0);
        assert_int_equal(report.targets, 2 * 2 * 16);
        assert_same_report_on_all_ranks(&report);
        assert_same_on_all_ranks(trainer.model.parameters, parameter_bytes(&trainer));
    }
    assert_int_equal(trainer.progress.step, 3);
    assert_int_equal(trainer.progress.tokens, 3 * 2 * 2 * 16);
    assert_int_equal(trainer.groups[0].optimizer.updates, 3);
    trainer_close(&trainer);
}

static void a_nan_on_one_rank_skips_the_step_on_all(void **state)
{
    /* on nodes of their own, since the ranks of a node read the same parameters */
    const struct world one_node = test_world;
    test_world = node_layout_open(LAYOUT_APART);
    struct trainer trainer;
    training_sample_set(*state, "check_every", "0"); /* which would find the culprit first */
    training_sample_set(*state, "overlap", "off");   /* which would bring the healthy value back */
    training_sample_open(*state, &trainer);
    training_must_step(&trainer);

    bool is_culprit = test_world.rank == test_world.size - 1;
    float *parameters = trainer.model.parameters,
          *last = parameters + parameter_bytes(&trainer) / 4;
    float healthy = *--last;
    if (is_culprit)
        *last = NAN;
    float *before = memory_alloc(parameter_bytes(&trainer));
    memcpy(before, parameters, parameter_bytes(&trainer));

    for (int64_t skipped = 1; skipped <= 2; skipped++) {
        struct step_report report = training_must_step(&trainer);
        assert_true(report.skipped);
        assert_same_report_on_all_ranks(&report);
        assert_memory_equal(parameters, before, parameter_bytes(&trainer));
        assert_int_equal(trainer.groups[0].optimizer.updates, 1);
        assert_int_equal(trainer.progress.step, 1 + skipped);
        assert_int_equal(trainer.progress.skipped, skipped);
        assert_int_equal(trainer.progress.skipped_in_a_row, skipped);
    }
    *last = healthy;
    assert_false(training_must_step(&trainer).skipped);
    assert_int_equal(trainer.progress.skipped, 2);
    assert_int_equal(trainer.progress.skipped_in_a_row, 0);
    assert_int_equal(trainer.groups[0].optimizer.updates, 2);
    assert_same_on_all_ranks(parameters, parameter_bytes(&trainer));
    memory_free(before);
    trainer_close(&trainer);
    node_layout_close(&test_world);
    test_world = one_node;
}

/* A gradient that overflows while the loss is finite: the norm tells. */
static void an_infinite_gradient_under_a_finite_loss_is_skipped(void **state)
{
    struct trainer trainer;
    training_sample_open(*state, &trainer);
    const struct tensor *norm =
        tensor_table_find(&trainer.model.table, "model.layers.0.input_layernorm.weight");
    const struct tensor *embedding =
        tensor_table_find(&trainer.model.table, "model.embed_tokens.weight");
    assert_non_null(norm);
    assert_non_null(embedding);
    /* RMSNorm divides by its input's size: where that is tiny, its gradient is huge. */
    for (int64_t i = 0; i < embedding->count && test_world.node_rank == 0; i++)
        trainer.model.parameters[embedding->offset + i] *= 1e-3f;
    for (int64_t i = 0; i < norm->count && test_world.node_rank == 0; i++)
        trainer.model.parameters[norm->offset + i] = 1e37f;
    node_vector_publish(trainer.parameters);
    struct step_report report = training_must_step(&trainer);
    assert_true(report.skipped);
    assert_same_report_on_all_ranks(&report);
    trainer_close(&trainer);
}

static void one_ranks_damaged_shard_ends_the_step_on_all(void **state)
{
    struct trainer trainer;
    struct step_report report;
    enum status status = STATUS_OK;
    if (test_world.rank == test_world.size - 1)
        training_sample_damage_shard();
    world_barrier(&test_world);
    training_sample_open(*state, &trainer);

    int64_t epoch = corpus_mixture_sample_count(trainer.mixture) / 4;
    while (status == STATUS_OK && trainer.progress.step <= epoch)
        status = train_step(&trainer, trainer.progress.step, &report);
    assert_int_equal(status, STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "train-00000.h5"));
    assert_same_on_all_ranks(status_message(), strlen(status_message()));
    if (test_world.size > 1)
        assert_non_null(strstr(status_message(), "rank "));
    trainer_close(&trainer);
}

/* A checkpoint whose every step is skipped, as after a replica went bad. */
static void save_poisoned_checkpoint(const struct training_sample *sample)
{
    struct trainer trainer;
    training_sample_open(sample, &trainer);
    trainer.model.parameters[0] = NAN;
    struct save_report save;
    trainer.saver = run_saver_open(&trainer);
    if (run_saver_begin(trainer.saver) != STATUS_OK ||
        run_saver_advance(trainer.saver, true, &save) != STATUS_OK)
        fail_msg("%s", status_message());
    trainer_close(&trainer);
}

static void skipped_steps_in_a_row_end_the_run_and_replace_no_checkpoint(void **state)
{
    struct training_sample *sample = *state;
    training_sample_set(sample, "max_skipped", "3");
    training_sample_set(sample, "save_every", "1");
    training_sample_set(sample, "accept_changes", "true");
    save_poisoned_checkpoint(sample);

    assert_int_equal(train_loop_run(&test_world, &sample->config), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "stopped at step 3: "));
    assert_same_on_all_ranks(status_message(), strlen(status_message()));

    struct name_list names;
    char *parent = path_join(sample->config.run, "checkpoints");
    assert_int_equal(folder_list(parent, &names), STATUS_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.names[0], "step-00000000");
    name_list_release(&names);
    memory_free(parent);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, training_sample_setup, training_sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_ranks_report_the_same_and_hold_the_same_parameters),
        TEST(a_nan_on_one_rank_skips_the_step_on_all),
        TEST(an_infinite_gradient_under_a_finite_loss_is_skipped),
        TEST(one_ranks_damaged_shard_ends_the_step_on_all),
        TEST(skipped_steps_in_a_row_end_the_run_and_replace_no_checkpoint),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
