/* ranks: 1 2 3 4 5 8 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "tests/mpi/mpi_test.h"
#include "tests/unit/checkpoint_sample.h"

static const struct checkpoint_way way; /* the simplest */

/* Collective. One run for all ranks, in rank 0's folder. */
static int new_run(void **state)
{
    char run[512] = "";
    if (test_world.rank == 0) {
        char *made = sample_new_run();
        snprintf(run, sizeof run, "%s", made);
        memory_free(made);
    }
    world_broadcast(&test_world, run, sizeof run, 0);
    *state = memory_copy_string(run);
    return 0;
}

static int drop_run(void **state)
{
    enum status status = STATUS_OK;
    world_barrier(&test_world);
    if (test_world.rank == 0)
        status = folder_remove(*state);
    memory_free(*state);
    return status == STATUS_OK ? 0 : -1;
}

static void save_as(const struct world *world, const char *run, int64_t step)
{
    if (sample_save(world, run, step) != STATUS_OK)
        fail_msg("%s", status_message());
}

/* Collective. The step that a resume takes up; -1: none, -2: refused. */
static int64_t step_found(const char *run, int64_t wanted)
{
    struct checkpoint *checkpoint;
    if (checkpoint_find(&test_world, run, wanted, sample_verify, &test_world, &checkpoint) !=
        STATUS_OK)
        return -2;
    if (!checkpoint)
        return -1;
    int64_t step = checkpoint_step(checkpoint);
    sample_expect(checkpoint, step, test_world.rank, test_world.size);
    checkpoint_close(checkpoint);
    return step;
}

static void digest_is_the_same_at_every_world_size(void **state)
{
    char hex[SHA256_HEX];
    struct checkpoint *checkpoint;
    save_as(&test_world, *state, 7);
    assert_int_equal(
        checkpoint_find(&test_world, *state, -1, sample_verify, &test_world, &checkpoint),
        STATUS_OK);
    assert_non_null(checkpoint);
    sample_digest(checkpoint, hex);
    assert_string_equal(hex, SAMPLE_DIGEST_OF_STEP_7);
    checkpoint_close(checkpoint);
}

static void every_world_size_loads_it(void **state)
{
    struct checkpoint *checkpoint;
    save_as(&test_world, *state, 7);
    assert_int_equal(
        checkpoint_find(&test_world, *state, 7, sample_verify, &test_world, &checkpoint),
        STATUS_OK);
    for (int size = 1; size <= 16; size++)
        for (int rank = 0; rank < size; rank++)
            sample_expect(checkpoint, 7, rank, size);
    checkpoint_close(checkpoint);
}

static void expect_golden(const char *name)
{
    const char *source = getenv("EON_SOURCE");
    char hex[SHA256_HEX];
    struct checkpoint *checkpoint;
    char *folder = path_join(source ? source : ".", name);
    assert_int_equal(checkpoint_open(folder, &checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_verify(checkpoint, true, 0, 1, NULL), STATUS_OK);
    for (int size = 1; size < 6; size++)
        for (int rank = 0; rank < size; rank++)
            sample_expect(checkpoint, 7, rank, size);
    sample_digest(checkpoint, hex);
    assert_string_equal(hex, SAMPLE_DIGEST_OF_STEP_7);
    checkpoint_close(checkpoint);
    memory_free(folder);
}

/* Written by three ranks, each of which owned one range of elements in version 1. */
static void checkpoints_of_older_versions_are_loaded(void **state)
{
    (void)state;
    expect_golden("tests/golden/checkpoint_version_1");
    expect_golden("tests/golden/checkpoint_version_2");
}

/* Collective. A trial that reads what a rank of this world would, and has it compared. */
static enum status read_checked(void *context, struct checkpoint *checkpoint)
{
    const int64_t *cut = context; /* element where the last rank's part of the tensor begins */
    const struct sample_tensor *tensor = &sample_tensors[2];
    const bool is_last = test_world.rank == test_world.size - 1;
    const int others = test_world.size > 1 ? test_world.size - 1 : 1;
    const int64_t first = test_world.size > 1 ? *cut : 0; /* a rank alone reads all */
    const int64_t begin = is_last ? first : *cut * test_world.rank / others;
    const int64_t end = is_last ? tensor->elements : *cut * (test_world.rank + 1) / others;
    float out[64];
    checkpoint_begin_checked(checkpoint);
    enum status status = checkpoint_read(checkpoint, "moment2.h.0.mlp.weight", tensor->rows,
                                         tensor->cols, begin, end, out);
    return checkpoint_end_checked(checkpoint, &test_world, status);
}

/* Collective. The last byte of each rank's file: it is of its part of that moment. */
static void damage(const char *run, int64_t step)
{
    for (int rank = 0; rank < test_world.size && test_world.rank == 0; rank++) {
        char name[64];
        snprintf(name, sizeof name, "optimizer-%05d-of-%05d.safetensors", rank + 1,
                 test_world.size);
        char *path = sample_path(run, step, name);
        struct strbuf text = STRBUF_INIT;
        assert_int_equal(file_read(path, 1 << 20, &text), STATUS_OK);
        text.bytes[text.length - 1] ^= 1;
        assert_int_equal(file_replace(path, text.bytes, text.length), STATUS_OK);
        strbuf_release(&text);
        memory_free(path);
    }
    world_barrier(&test_world);
}

static void what_is_read_is_checked_however_ranks_share_it(void **state)
{
    struct checkpoint *checkpoint;
    save_as(&test_world, *state, 1);
    save_as(&test_world, *state, 2);
    for (int64_t cut = 0; cut <= 39; cut += 13) {
        assert_int_equal(checkpoint_find(&test_world, *state, -1, read_checked, &cut, &checkpoint),
                         STATUS_OK);
        assert_int_equal(checkpoint_step(checkpoint), 2);
        checkpoint_close(checkpoint);
    }
}

static void damage_that_is_read_is_found(void **state)
{
    struct checkpoint *checkpoint;
    int64_t cut = 20;
    save_as(&test_world, *state, 1);
    save_as(&test_world, *state, 2);
    damage(*state, 2);
    assert_int_equal(checkpoint_find(&test_world, *state, -1, read_checked, &cut, &checkpoint),
                     STATUS_OK);
    assert_int_equal(checkpoint_step(checkpoint), 1);
    checkpoint_close(checkpoint);
    assert_int_equal(checkpoint_find(&test_world, *state, 2, read_checked, &cut, &checkpoint),
                     STATUS_BAD_INPUT);
}

static void all_ranks_pass_over_what_one_finds_damaged(void **state)
{
    save_as(&test_world, *state, 1);
    save_as(&test_world, *state, 2);
    if (test_world.rank == 0) {
        char *path = sample_path(*state, 2, "optimizer-00001-of-0000N.safetensors");
        path[strlen(path) - strlen("N.safetensors")] = (char)('0' + test_world.size);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, -1, SEEK_END), 0);
        int last = fgetc(file);
        assert_int_equal(fseek(file, -1, SEEK_END), 0);
        assert_int_equal(fputc(last ^ 1, file), last ^ 1);
        assert_int_equal(fclose(file), 0);
        memory_free(path);
    }
    world_barrier(&test_world);
    assert_int_equal(step_found(*state, -1), 1);
    assert_int_equal(step_found(*state, 2), -2);
}

static void one_ranks_error_fails_the_save_on_all(void **state)
{
    struct checkpoint_writer *writer;
    int culprit = test_world.size - 1;
    char wanted[32] = "File exists", name[32];
    char *partial = checkpoint_folder_path(*state, 2, CHECKPOINT_PARTIAL);
    save_as(&test_world, *state, 1);
    assert_int_equal(checkpoint_writer_begin(&test_world, &way, *state, 2, &writer), STATUS_OK);
    snprintf(name, sizeof name, "text-%d", test_world.rank);
    checkpoint_writer_add_text(writer, name, "x", 1);
    if (test_world.rank == culprit)
        checkpoint_writer_add_text(writer, name, "x", 1);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), wanted));
    if (test_world.size > 1) {
        snprintf(wanted, sizeof wanted, "rank %d on ", culprit);
        assert_non_null(strstr(status_message(), wanted));
    }
    world_barrier(&test_world);
    assert_false(folder_exists(partial));
    assert_int_equal(step_found(*state, -1), 1);
    memory_free(partial);
}

static void a_folder_that_cannot_be_made_fails_on_all(void **state)
{
    struct checkpoint_writer *writer;
    char *run = path_join(*state, "file");
    if (test_world.rank == 0)
        assert_int_equal(file_replace(run, "x", 1), STATUS_OK);
    world_barrier(&test_world);
    assert_int_equal(checkpoint_writer_begin(&test_world, &way, run, 1, &writer), STATUS_BAD_INPUT);
    assert_null(writer);
    memory_free(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_run, drop_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(digest_is_the_same_at_every_world_size),
        TEST(every_world_size_loads_it),
        TEST(checkpoints_of_older_versions_are_loaded),
        TEST(what_is_read_is_checked_however_ranks_share_it),
        TEST(damage_that_is_read_is_found),
        TEST(all_ranks_pass_over_what_one_finds_damaged),
        TEST(one_ranks_error_fails_the_save_on_all),
        TEST(a_folder_that_cannot_be_made_fails_on_all),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
