/* ranks: 2 3 4 */
#include <stdio.h>
#include <string.h>

#include "comm/groups.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/training_sample.h"
#include "trainer/training/train_step.h"

/* Two groups; the last rank errs. Ranks are on nodes of their own, each with its own copies. */

enum {
    GROUPS = 2,
    ELEMENT = 20000 /* in the first rank's slice, for a group's ranks as for all */
};

static bool errs(void)
{
    return test_world.rank == test_world.size - 1;
}

static int ranks_of_last_group(void)
{
    return test_world.size - groups_first_rank(GROUPS, GROUPS - 1, test_world.size);
}

static void open_trainer(struct trainer *trainer, struct training_sample *sample)
{
    static const char *const settings[][2] = {
        { "leaves", "8" },      { "width", "64" },    { "ffn_width", "192" },
        { "layers", "4" },      { "groups", "2" },    { "local_steps", "3" },
        { "check_every", "1" }, { "overlap", "off" }, { NULL }
    };
    training_sample_set_all(sample, settings);
    training_sample_open(sample, trainer);
}

/* By its number among all ranks, on all of them. */
static void assert_last_rank_is_named(const char *text)
{
    char rank[64];
    snprintf(rank, sizeof rank, "%s rank %d on ", text, test_world.size - 1);
    if (!strstr(status_message(), rank))
        fail_msg("'%s' does not say '%s'", status_message(), rank);
    if (world_require_same(&test_world, status_message(), strlen(status_message()), "the error"))
        fail_msg("%s", status_message());
}

static void a_bit_that_flips_in_a_groups_replica_is_named(void **state)
{
    struct trainer trainer;
    if (ranks_of_last_group() == 1)
        return; /* nobody else has these parameters */
    open_trainer(&trainer, *state);
    training_must_step(&trainer);
    if (errs())
        test_flip_a_bit(&trainer.groups[0].model->parameters[ELEMENT]);
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    assert_last_rank_is_named("parameters after step 1 are wrong on");
    trainer_close(&trainer);
}

static void a_bit_that_flips_in_a_replica_of_the_runs_parameters_is_named(void **state)
{
    struct trainer trainer;
    open_trainer(&trainer, *state);
    for (int step = 0; step < 4; step++) /* with an outer step after the third */
        training_must_step(&trainer);
    if (errs())
        test_flip_a_bit(&trainer.model.parameters[ELEMENT]);
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    assert_last_rank_is_named("parameters after step 4 are wrong on");
    trainer_close(&trainer);
}

static void a_bit_that_flips_in_the_own_slice_of_a_group_is_named_before_it_spreads(void **state)
{
    struct trainer trainer;
    open_trainer(&trainer, *state);
    training_must_step(&trainer);
    const int64_t last = trainer.model.table.element_count - 1;
    if (errs()) /* the last slice of its last group */
        test_flip_a_bit(&trainer.groups[trainer.group_count - 1].model->parameters[last]);
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    if (!strstr(status_message(), "since step 1 updated it"))
        fail_msg("'%s' does not say since when", status_message());
    trainer_close(&trainer);
}

/* The same parameters, and other arithmetic; of two ranks that look at each other both are named.
 */
static void a_rank_that_computes_wrongly_is_named_within_its_group(void **state)
{
    struct trainer trainer;
    if (ranks_of_last_group() == 1)
        return;
    open_trainer(&trainer, *state);
    training_must_step(&trainer);
    if (errs())
        trainer.groups[0].own_model.config.norm_epsilon *= 1.001;
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    assert_last_rank_is_named("and");
    trainer_close(&trainer);
}

static int on_nodes_of_their_own(void **state)
{
    (void)state;
    test_world = node_layout_open(LAYOUT_APART);
    return 0;
}

static int as_it_was(void **state)
{
    (void)state;
    node_layout_close(&test_world);
    return 0;
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, training_sample_setup, training_sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bit_that_flips_in_a_groups_replica_is_named),
        TEST(a_bit_that_flips_in_a_replica_of_the_runs_parameters_is_named),
        TEST(a_bit_that_flips_in_the_own_slice_of_a_group_is_named_before_it_spreads),
        TEST(a_rank_that_computes_wrongly_is_named_within_its_group),
    };
    mpi_test_begin();
    const struct world as_it_is = test_world;
    const int failed_tests = cmocka_run_group_tests(tests, on_nodes_of_their_own, as_it_was);
    test_world = as_it_is;
    return mpi_test_end(failed_tests);
}
