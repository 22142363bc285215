/* ranks: 1 2 3 5 */
#include "trainer/training/outer_step.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "comm/groups.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/training_sample.h"
#include "trainer/training/train_step.h"

/* Three groups of two leaves each; parameters of four blocks. */

enum { GROUPS = 3, ROUNDS = 3 };

static const double outer_lr = 0.7, outer_momentum = 0.9;

static void open_trainer(struct trainer *trainer, struct training_sample *sample)
{
    static const char *const settings[][2] = {
        { "leaves", "6" }, { "width", "64" }, { "ffn_width", "192" },
        { "layers", "4" }, { "groups", "3" }, { "local_steps", "2" },
        { NULL }
    };
    training_sample_set_all(sample, settings);
    training_sample_open(sample, trainer);
}

/* What a group has learnt in a round: about as much as its parameters' size. */
static float change_of(int round, int64_t group, int64_t element)
{
    const uint64_t bits = test_bits((uint64_t)(round * GROUPS + group), (uint64_t)element);
    return 0.02f * ((float)(bits >> 40) * 0x1p-23f - 1.0f);
}

/* Each group's parameters, by one rank of each node. */
static void change_groups(struct trainer *trainer, int round)
{
    for (int i = 0; i < trainer->group_count; i++) {
        struct train_group *group = &trainer->groups[i];
        for (int64_t at = 0; at < trainer->model.table.element_count; at++)
            if (group->world->node_rank == 0)
                group->model->parameters[at] += change_of(round, group->number, at);
        node_vector_publish(group->parameters);
    }
}

/* In double: the mean change, PyTorch's momentum_buffer, the parameters. */
struct reference {
    double *parameters, *momentum;
};

static struct reference reference_of(const struct trainer *trainer)
{
    const size_t count = (size_t)trainer->model.table.element_count;
    struct reference reference = { memory_alloc_zeroed(count, sizeof(double)),
                                   memory_alloc_zeroed(count, sizeof(double)) };
    for (size_t at = 0; at < count; at++)
        reference.parameters[at] = trainer->model.parameters[at];
    return reference;
}

static void step_reference(struct reference *reference, int round, int64_t count)
{
    for (int64_t at = 0; at < count; at++) {
        double change = 0;
        for (int group = 0; group < GROUPS; group++)
            change -= (double)change_of(round, group, at) / GROUPS;
        reference->momentum[at] = outer_momentum * reference->momentum[at] + change;
        reference->parameters[at] -= outer_lr * (change + outer_momentum * reference->momentum[at]);
    }
}

/* Parameters are about 1 where they are largest, so a rounding loses 6e-8. Seen were differences of
 * 2.4e-7, and of 8.5e-8 in the momentum. */
static void assert_near(const struct trainer *trainer, const struct reference *reference)
{
    for (int64_t at = 0; at < trainer->model.table.element_count; at++)
        if (fabs(trainer->model.parameters[at] - reference->parameters[at]) > 1e-6)
            fail_msg("element %ld is %.9g instead of %.9g", (long)at,
                     (double)trainer->model.parameters[at], reference->parameters[at]);
    const struct moments *own = &trainer->outer->momentum;
    for (int64_t i = 0; i < own->table->tensor_count; i++)
        for (int64_t r = 0, place = 0; r < own->shares[i].range_count; r++)
            for (int64_t e = own->shares[i].ranges[r].begin; e < own->shares[i].ranges[r].end;
                 e++) {
                const int64_t at = own->table->tensors[i].offset + e;
                const float value = own->shares[i].first[place++];
                if (fabs(value - reference->momentum[at]) > 4e-7)
                    fail_msg("the momentum of element %ld is %.9g instead of %.9g", (long)at,
                             (double)value, reference->momentum[at]);
            }
}

static void assert_groups_start_from_the_runs_parameters(const struct trainer *trainer)
{
    const size_t bytes = (size_t)trainer->model.table.element_count * sizeof(float);
    for (int i = 0; i < trainer->group_count; i++)
        assert_memory_equal(trainer->groups[i].model->parameters, trainer->model.parameters, bytes);
}

static void rounds_are_those_of_nesterov_in_double_on_any_nodes(void **state)
{
    const struct world as_it_is = test_world;
    for (enum node_layout layout = 0; layout < LAYOUTS; layout++) {
        struct trainer trainer;
        test_world = node_layout_open(layout);
        open_trainer(&trainer, *state);
        struct reference reference = reference_of(&trainer);
        for (int round = 0; round < ROUNDS; round++) {
            change_groups(&trainer, round);
            outer_step_run(&trainer, round);
            step_reference(&reference, round, trainer.model.table.element_count);
            assert_near(&trainer, &reference);
            assert_groups_start_from_the_runs_parameters(&trainer);
            world_barrier(&test_world);
        }
        memory_free(reference.parameters);
        memory_free(reference.momentum);
        trainer_close(&trainer);
        node_layout_close(&test_world);
        test_world = as_it_is;
    }
}

static void it_follows_every_round_and_the_last_step(void **state)
{
    (void)state;
    struct train_config config = { .groups = 2, .local_steps = 3, .steps = 8 };
    static const bool due[] = { false, false, true, false, false, true, false, true };
    for (int64_t step = 0; step < config.steps; step++)
        assert_int_equal(outer_step_is_due(&config, step), due[step]);
    config.groups = 1;
    for (int64_t step = 0; step < config.steps; step++)
        assert_false(outer_step_is_due(&config, step));
}

/* Between outer steps the run's parameters stand still, and the groups' differ. */
static void groups_train_apart_and_meet_after_local_steps(void **state)
{
    struct trainer trainer;
    open_trainer(&trainer, *state);
    const size_t bytes = (size_t)trainer.model.table.element_count * sizeof(float);
    float *initial = memory_alloc(bytes);
    memcpy(initial, trainer.model.parameters, bytes);

    training_must_step(&trainer);
    assert_memory_equal(trainer.model.parameters, initial, bytes);
    for (int i = 0; i < trainer.group_count; i++)
        assert_memory_not_equal(trainer.groups[i].model->parameters, initial, bytes);
    if (trainer.group_count > 1)
        assert_memory_not_equal(trainer.groups[0].model->parameters,
                                trainer.groups[1].model->parameters, bytes);
    training_must_step(&trainer);
    assert_memory_not_equal(trainer.model.parameters, initial, bytes);
    assert_groups_start_from_the_runs_parameters(&trainer);
    memory_free(initial);
    trainer_close(&trainer);
}

static void a_step_that_one_group_cannot_take_is_skipped_by_all(void **state)
{
    struct trainer trainer;
    training_sample_set(*state, "check_every", "0"); /* which would find the culprit first */
    open_trainer(&trainer, *state);
    const int64_t last = GROUPS - 1 - trainer.groups[0].number;
    const bool is_carried = last < trainer.group_count;
    if (is_carried && trainer.groups[last].world->node_rank == 0)
        trainer.groups[last].model->parameters[0] = NAN;
    for (int i = 0; i < trainer.group_count; i++)
        node_vector_publish(trainer.groups[i].parameters);

    const struct step_report report = training_must_step(&trainer);
    assert_true(report.skipped);
    for (int i = 0; i < trainer.group_count; i++)
        assert_int_equal(trainer.groups[i].optimizer.updates, 0);
    assert_int_equal(trainer.progress.skipped, 1);
    trainer_close(&trainer);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, training_sample_setup, training_sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rounds_are_those_of_nesterov_in_double_on_any_nodes),
        cmocka_unit_test(it_follows_every_round_and_the_last_step),
        TEST(groups_train_apart_and_meet_after_local_steps),
        TEST(a_step_that_one_group_cannot_take_is_skipped_by_all),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
