/* ranks: 1 2 3 5 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/local_tier.h"
#include "comm/partner.h"
#include "comm/transfer.h"
#include "tests/mpi/local_sample.h"
#include "tests/unit/checkpoint_sample.h"

static void the_last_two_are_kept_and_none_of_a_way_not_gone(void **state)
{
    const struct checkpoint_way way = { .is_local = true, .retention = { .last = 2 } };
    static const int64_t steps[] = { 5, 6, 7, 4 };
    static const char *const kept[] = { "5", "56", "67", "4" };
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    for (int i = 0; i < 4; i++) {
        local_sample_save_so(&way, steps[i]);
        world_barrier(&local_sample.world);
        for (char step = '4'; step < '8'; step++) {
            char *place =
                checkpoint_folder_path(local_sample.local, step - '0', CHECKPOINT_COMMITTED);
            assert_int_equal(folder_exists(place), strchr(kept[i], step) != NULL);
            memory_free(place);
        }
        world_barrier(&local_sample.world);
    }
    local_sample_close();
}

static void an_error_on_one_node_fails_the_save_on_all_and_leaves_the_one_before(void **state)
{
    struct checkpoint_writer *writer;
    char name[64];
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    assert_int_equal(checkpoint_writer_begin(&local_sample.world, &local_sample_way,
                                             local_sample.local, 8, &writer),
                     STATUS_OK);
    char *partial = checkpoint_folder_path(local_sample.local, 8, CHECKPOINT_PARTIAL);
    snprintf(name, sizeof name, "optimizer-%05d-of-%05d.safetensors", local_sample.world.rank + 1,
             local_sample.world.size);
    char *path = path_join(partial, name);
    if (local_sample.world.rank == local_sample.world.size - 1)
        assert_int_equal(folder_create(path), STATUS_OK);
    sample_add(writer, &local_sample.world, 8, local_sample.world.node_rank == 0);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "File exists"));
    world_barrier(&local_sample.world);
    assert_false(folder_exists(partial));
    memory_free(path);
    memory_free(partial);
    local_sample_expect(-1, 7);
    local_sample_close();
}

/* Takes the place of MPI's own: the last byte of a block changes under way. */
static bool network_errs;

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    if (network_errs && tag == TRANSFER_TAG_PARTNER && count > (int)sizeof(struct partner_label))
        ((unsigned char *)bytes)[count - 1] ^= 1;
    return PMPI_Isend(bytes, count, type, to, tag, comm, request);
}

static void a_block_that_comes_damaged_fails_the_save(void **state)
{
    struct checkpoint_writer *writer;
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    assert_int_equal(checkpoint_writer_begin(&local_sample.world, &local_sample_way,
                                             local_sample.local, 8, &writer),
                     STATUS_OK);
    sample_add(writer, &local_sample.world, 8, local_sample.world.node_rank == 0);
    network_errs = local_sample.world.rank == 0;
    enum status status = checkpoint_writer_commit(writer);
    network_errs = false;
    assert_int_equal(status, local_sample_nodes() > 1 ? STATUS_FAILED : STATUS_OK);
    if (local_sample_nodes() > 1) {
        assert_non_null(strstr(status_message(), "is not what was sent"));
        local_sample_expect(-1, 7);
    }
    local_sample_close();
}

/* Several blocks, and an end that is none of the disk's. */
static void long_files_cross_whole(void **state)
{
    struct checkpoint_writer *writer;
    const int64_t count = (int64_t)(2 * WRITE_BLOCK / sizeof(float)) + 1001;
    const struct slice range = { 0, count };
    float *data = memory_alloc((size_t)count * sizeof *data);
    char name[32], tensor[32];
    (void)state;
    local_sample_open(LAYOUT_THREES);
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(i * (local_sample.world.rank + 1));
    snprintf(name, sizeof name, "long-%d.safetensors", local_sample.world.rank);
    snprintf(tensor, sizeof tensor, "long.%d", local_sample.world.rank);
    const struct tensor_part part = { tensor, count, 0, &range, 1, data };
    assert_int_equal(checkpoint_writer_begin(&local_sample.world, &local_sample_way,
                                             local_sample.local, 8, &writer),
                     STATUS_OK);
    sample_add(writer, &local_sample.world, 8, local_sample.world.node_rank == 0);
    checkpoint_writer_add_tensors(writer, name, &part, 1);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_OK);
    if (local_sample_nodes() > 1)
        local_sample_lose(0, 8);
    local_sample_expect(-1, 8);
    memory_free(data);
    local_sample_close();
}

static void one_folder_for_two_nodes_is_refused(void **state)
{
    char *folder;
    char *shared;
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    shared = path_join(local_sample.run, "shared");
    enum status status = local_tier_open(&local_sample.world, shared, local_sample.run, &folder);
    assert_int_equal(status, local_sample_nodes() > 1 ? STATUS_BAD_INPUT : STATUS_OK);
    if (status != STATUS_OK)
        assert_non_null(strstr(status_message(), "each needs its own"));
    memory_free(folder);
    memory_free(shared);
    local_sample_close();
}

static void a_run_that_is_begun_anew_does_not_find_the_first_ones(void **state)
{
    char local[600], *folder;
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    if (local_sample.world.rank == 0) {
        char *id = path_join(local_sample.run, "local_id");
        assert_int_equal(unlink(id), 0);
        memory_free(id);
    }
    snprintf(local, sizeof local, "%s/nodes/%%h/local", local_sample.run);
    assert_int_equal(local_tier_open(&local_sample.world, local, local_sample.run, &folder),
                     STATUS_OK);
    assert_string_not_equal(folder, local_sample.local);
    assert_int_equal(local_tier_newest(&local_sample.world, folder), -1);
    assert_int_equal(local_tier_newest(&local_sample.world, local_sample.local), 7);
    memory_free(folder);
    local_sample_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_two_are_kept_and_none_of_a_way_not_gone),
        cmocka_unit_test(an_error_on_one_node_fails_the_save_on_all_and_leaves_the_one_before),
        cmocka_unit_test(a_block_that_comes_damaged_fails_the_save),
        cmocka_unit_test(long_files_cross_whole),
        cmocka_unit_test(one_folder_for_two_nodes_is_refused),
        cmocka_unit_test(a_run_that_is_begun_anew_does_not_find_the_first_ones),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
