/* ranks: 1 2 3 4 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "comm/slice.h"
#include "comm/transfer.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/training_sample.h"
#include "trainer/training/train_leaf.h"
#include "trainer/training/train_loop.h"
#include "trainer/training/train_step.h"

/* The last rank errs. Six leaves, and parameters of four blocks: each rank owns some of both. */

enum { CHECK_EVERY = 3 };

/* A faulty link: what the last rank receives from rank 0 in gather number `spoilt_gather` of the
 * parameters has a bit flipped. MPI's profiling interface puts it between. */
static int gathers, spoilt_gather;
static int64_t
    spoilt_length; /* in bytes, of rank 0's part of the parameters: others are gathered too */
static float *spoilt;

static int last_rank(void)
{
    return test_world.size - 1;
}

static bool errs(void)
{
    return test_world.rank == last_rank();
}

/* The last element of the last rank's slice. */
static int64_t last_own_element(const struct trainer *trainer)
{
    const struct slicing slicing = slicing_of(trainer->model.table.element_count, test_world.size);
    return slicing_element(&slicing, last_rank(), slicing_length(&slicing, last_rank()) - 1);
}

int MPI_Irecv(void *received, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    if (tag == TRANSFER_TAG_VECTOR && source == 0 && count == spoilt_length && errs() &&
        ++gathers == spoilt_gather)
        spoilt = received;
    return PMPI_Irecv(received, count, type, source, tag, comm, request);
}

int MPI_Testall(int count, MPI_Request requests[], int *is_done, MPI_Status *statuses)
{
    int code = PMPI_Testall(count, requests, is_done, statuses);
    if (*is_done && count > 0 && spoilt) {
        test_flip_a_bit(spoilt);
        spoilt = NULL;
    }
    return code;
}

static void open_trainer(struct trainer *trainer, struct training_sample *sample,
                         const char *check_every)
{
    /* without overlap, since parameters that are brought between steps would mend what tests spoil
     */
    static const char *const settings[][2] = { { "leaves", "6" },      { "width", "64" },
                                               { "ffn_width", "192" }, { "layers", "4" },
                                               { "overlap", "off" },   { NULL } };
    training_sample_set_all(sample, settings);
    training_sample_set(sample, "check_every", check_every);
    training_sample_open(sample, trainer);
}

static const char *tensor_at(const struct trainer *trainer, int64_t element)
{
    const struct tensor *tensor = trainer->model.table.tensors;
    while (element >= tensor->offset + tensor->count)
        tensor++;
    return tensor->name;
}

static void assert_says(const char *text)
{
    if (!strstr(status_message(), text))
        fail_msg("'%s' does not say '%s'", status_message(), text);
}

/* The last rank, its host and the tensor; and every rank says the same. */
static void assert_last_rank_is_named(const char *tensor)
{
    char rank[WORLD_HOST_BYTES + 32], quoted[128];
    char host[WORLD_HOST_BYTES];
    memcpy(host, test_world.host, sizeof host);
    world_broadcast(&test_world, host, sizeof host, last_rank());
    snprintf(rank, sizeof rank, "rank %d on %s", last_rank(), host);
    snprintf(quoted, sizeof quoted, "'%s'", tensor);
    if (test_world.size > 1)
        assert_says(rank);
    assert_says(host);
    assert_says(quoted);
    if (world_require_same(&test_world, status_message(), strlen(status_message()), "the error"))
        fail_msg("%s", status_message());
}

static void a_bit_that_flips_in_the_own_slice_is_named_before_it_spreads(void **state)
{
    struct trainer trainer;
    open_trainer(&trainer, *state, "1000");
    const int64_t last = last_own_element(&trainer);
    training_must_step(&trainer);
    training_must_step(&trainer);
    if (errs())
        test_flip_a_bit(&trainer.model.parameters[last]);
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    assert_last_rank_is_named(tensor_at(&trainer, last));
    assert_says("since step 2");
    assert_int_equal(trainer.progress.step, 2);
    trainer_close(&trainer);
}

/* Broken memory: the bit is wrong again after every gather. */
static void a_broken_bit_of_a_replica_is_named_within_check_every_steps(void **state)
{
    enum { ELEMENT = 20000 }; /* the first rank's */
    struct trainer trainer;
    if (test_world.size == 1)
        return; /* all is its own slice */
    open_trainer(&trainer, *state, "3");
    for (int healthy = 0; healthy < CHECK_EVERY + 1; healthy++)
        training_must_step(&trainer);
    enum status status = STATUS_OK;
    int steps = 0;
    for (; status == STATUS_OK && steps < CHECK_EVERY; steps++) {
        if (errs())
            test_flip_a_bit(&trainer.model.parameters[ELEMENT]);
        status = training_step(&trainer);
    }
    assert_int_equal(status, STATUS_FAILED);
    assert_int_equal(steps, CHECK_EVERY - 1); /* in the sixth step */
    assert_last_rank_is_named(tensor_at(&trainer, ELEMENT));
    assert_says("after step 5");
    trainer_close(&trainer);
}

static void two_ranks_that_never_updated_cannot_be_told_apart(void **state)
{
    struct trainer trainer;
    if (test_world.size == 1)
        return;
    open_trainer(&trainer, *state, "1");
    if (errs()) {
        test_flip_a_bit(&trainer.model.parameters[0]);
        test_flip_a_bit(&trainer.model.parameters[trainer.model.table.element_count - 1]);
    }
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    if (test_world.size == 2) {
        assert_says("nobody can tell which are right: from rank 0's on ");
    } else {
        assert_last_rank_is_named(tensor_at(&trainer, 0));
        assert_says(" and 1 more; ");
    }
    trainer_close(&trainer);
}

/* The same parameters, and other arithmetic. */
static void a_rank_that_computes_wrongly_is_named(void **state)
{
    struct trainer trainer;
    if (test_world.size == 1)
        return; /* it errs in the same way twice */
    open_trainer(&trainer, *state, "2");
    training_must_step(&trainer);
    training_must_step(&trainer);
    training_must_step(&trainer);
    if (errs())
        trainer.model.config.norm_epsilon *= 1.001;
    assert_int_equal(training_step(&trainer), STATUS_FAILED);
    assert_last_rank_is_named(tensor_at(&trainer, 0));
    assert_says("two gradients in step 4: ");
    assert_int_equal(strstr(status_message(), " is in all of them; ") != NULL,
                     test_world.size == 3);
    trainer_close(&trainer);
}

/* At any number of ranks: who is alone computes twice. */
static void a_bit_that_flips_in_a_gradient_is_named_with_both_ranks(void **state)
{
    struct trainer trainer;
    open_trainer(&trainer, *state, "1");
    double values[LEAF_VALUES] = { 0 }, flops;
    const struct leaf_tokens *read;
    float *gradient = gradient_tree_sum(trainer.groups[0].gradients);
    for (int flips = 0; flips < 2; flips++) {
        values[LEAF_LOSS] = 0;
        assert_int_equal(leaf_check_compute_again(&trainer, 0), STATUS_OK);
        if (flips == 0)
            assert_int_equal(batch_stream_take(trainer.batches, 0, trainer.leaves.first, &read),
                             STATUS_OK);
        train_leaf(&trainer, &trainer.groups[0], read, gradient, values);
        if (flips && errs())
            test_flip_a_bit(&gradient[trainer.model.table.element_count - 1]);
        leaf_check_keep_own(&trainer, gradient, values[LEAF_LOSS]);
        activations_take_back(trainer.activations, gradient);
        assert_int_equal(leaf_check_compare(&trainer, 0, &flops),
                         flips ? STATUS_FAILED : STATUS_OK);
        assert_true(flops == values[LEAF_FLOPS] * test_world.size);
    }
    assert_last_rank_is_named(tensor_at(&trainer, trainer.model.table.element_count - 1));
    trainer_close(&trainer);
}

static void ranks_that_differ_save_nothing(void **state)
{
    struct training_sample *sample = *state;
    if (test_world.size == 1)
        return;
    training_sample_set(sample, "save_every", "1");
    struct tensor_table table;
    const struct model_config model = train_config_model(&sample->config, 300);
    tensor_table_init(&table, &model);
    const struct slicing slicing = slicing_of(table.element_count, test_world.size);
    spoilt_length = slicing_part(&slicing, 0, 0).end * (int64_t)sizeof(float);
    spoilt_gather = 3;
    gathers = 0;

    assert_int_equal(train_loop_run(&test_world, &sample->config), STATUS_FAILED);
    spoilt_gather = 0;
    assert_last_rank_is_named(table.tensors[0].name);
    assert_says("after step 3");
    tensor_table_release(&table);

    struct name_list names;
    char *parent = path_join(sample->config.run, "checkpoints");
    assert_int_equal(folder_list(parent, &names), STATUS_OK);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[1], "step-00000002");
    name_list_release(&names);
    memory_free(parent);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, training_sample_setup, training_sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bit_that_flips_in_the_own_slice_is_named_before_it_spreads),
        TEST(a_broken_bit_of_a_replica_is_named_within_check_every_steps),
        TEST(two_ranks_that_never_updated_cannot_be_told_apart),
        TEST(a_rank_that_computes_wrongly_is_named),
        TEST(a_bit_that_flips_in_a_gradient_is_named_with_both_ranks),
        TEST(ranks_that_differ_save_nothing),
    };
    mpi_test_begin();
    /* replicas are of nodes: a rank each */
    const struct world one_node = test_world;
    test_world = node_layout_open(LAYOUT_APART);
    int failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
    node_layout_close(&test_world);
    test_world = one_node;
    return mpi_test_end(failed_tests);
}
