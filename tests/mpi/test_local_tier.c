/* ranks: 1 2 3 5 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/local_tier.h"
#include "comm/topology.h"
#include "tests/mpi/node_layouts.h"
#include "tests/unit/checkpoint_sample.h"

/* A run on nodes of a test's choice, all of them folders of this machine. */
static struct {
    struct world world;
    char run[512];
    char *local; /* this node's folder */
} sample;

static const struct checkpoint_way local_way = { .is_local = true };

static int node_count(void)
{
    return sample.world.topology->nodes;
}

static bool is_first_of(int node)
{
    return sample.world.topology->node == node && sample.world.node_rank == 0;
}

/* Collective. Nodes are hosts of different names. */
static void open_nodes(enum node_layout layout)
{
    char local[600];
    sample.world = node_layout_open(layout);
    snprintf(sample.world.host, sizeof sample.world.host, "node%d", sample.world.topology->node);
    if (sample.world.rank == 0) {
        char *made = sample_new_run();
        snprintf(sample.run, sizeof sample.run, "%s", made);
        memory_free(made);
    }
    world_broadcast(&sample.world, sample.run, sizeof sample.run, 0);
    snprintf(local, sizeof local, "%s/nodes/%%h/local", sample.run);
    if (local_tier_open(&sample.world, local, sample.run, &sample.local) != STATUS_OK)
        fail_msg("%s", status_message());
}

static void close_nodes(void)
{
    world_barrier(&sample.world);
    if (sample.world.rank == 0)
        assert_int_equal(folder_remove(sample.run), STATUS_OK);
    world_barrier(&sample.world);
    memory_free(sample.local);
    node_layout_close(&sample.world);
}

static void save_so(const struct checkpoint_way *way, int64_t step)
{
    struct checkpoint_writer *writer;
    enum status status = checkpoint_writer_begin(&sample.world, way, sample.local, step, &writer);
    if (status == STATUS_OK) {
        sample_add(writer, &sample.world, step, sample.world.node_rank == 0);
        status = checkpoint_writer_commit(writer);
    }
    if (status != STATUS_OK)
        fail_msg("%s", status_message());
}

static void save(int64_t step)
{
    save_so(&local_way, step);
}

/* Collective. What a node holds of a step goes. */
static void lose(int node, int64_t step)
{
    char *path = checkpoint_folder_path(sample.local, step, CHECKPOINT_COMMITTED);
    if (is_first_of(node))
        assert_int_equal(folder_remove(path), STATUS_OK);
    world_barrier(&sample.world);
    memory_free(path);
}

/* Collective. Each checks what the run then has: -1 is nothing. */
static void expect_restored(int64_t asked, int64_t expected)
{
    struct checkpoint *checkpoint;
    char hex[SHA256_HEX];
    if (local_tier_restore(&sample.world, sample.local, sample.run, asked) != STATUS_OK)
        fail_msg("%s", status_message());
    if (checkpoint_find(&sample.world, sample.run, -1, checkpoint_verify_together, &sample.world,
                        &checkpoint) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_int_equal(checkpoint ? checkpoint_step(checkpoint) : -1, expected);
    if (!checkpoint)
        return;
    sample_expect(checkpoint, expected, sample.world.rank, sample.world.size);
    sample_digest(checkpoint, hex);
    if (expected == 7)
        assert_string_equal(hex, SAMPLE_DIGEST_OF_STEP_7);
    checkpoint_close(checkpoint);
}

static void a_local_save_is_restored_with_the_digest_of_a_shared_one(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        open_nodes((enum node_layout)layout);
        save(7);
        expect_restored(-1, 7);
        close_nodes();
    }
}

/* Collective. No part makes a whole, and there is nothing else: that is no fresh start. */
static void expect_refused(void)
{
    assert_int_equal(local_tier_restore(&sample.world, sample.local, sample.run, -1),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "local checkpoints is whole"));
}

static void any_one_node_may_be_lost(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        int nodes = 1;
        for (int lost = 0; lost < nodes; lost++) {
            open_nodes((enum node_layout)layout);
            nodes = node_count();
            save(7);
            lose(lost, 7);
            expect_restored(-1, nodes > 1 ? 7 : -1);
            close_nodes();
        }
    }
}

static void where_a_node_and_its_partner_are_lost_the_step_before_is_taken(void **state)
{
    (void)state;
    open_nodes(LAYOUT_APART);
    save(7);
    save(8);
    lose(0, 8);
    if (node_count() > 1)
        lose(1, 8);
    expect_restored(-1, 7);
    close_nodes();
}

static void where_none_is_whole_the_run_does_not_begin_anew(void **state)
{
    (void)state;
    open_nodes(LAYOUT_APART);
    save(7);
    if (node_count() > 2) {
        lose(0, 7);
        lose(1, 7);
        expect_refused();
        assert_int_equal(sample_save(&sample.world, sample.run, 5), STATUS_OK);
        expect_restored(-1, 5);
    }
    close_nodes();
}

static void a_run_that_cannot_be_written_is_an_error_and_the_nodes_keep_theirs(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    char *path = path_join(sample.run, "checkpoints");
    save(7);
    if (sample.world.rank == 0)
        assert_int_equal(file_replace(path, "x", 1), STATUS_OK);
    world_barrier(&sample.world);
    assert_int_not_equal(local_tier_restore(&sample.world, sample.local, sample.run, -1),
                         STATUS_OK);
    if (sample.world.rank == 0)
        assert_int_equal(unlink(path), 0);
    world_barrier(&sample.world);
    expect_restored(-1, 7);
    memory_free(path);
    close_nodes();
}

/* Killed while it copied. */
static void what_an_earlier_start_has_half_restored_is_done_again(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    char *partial = checkpoint_folder_path(sample.run, 7, CHECKPOINT_PARTIAL);
    char *path = path_join(partial, "model.safetensors");
    save(7);
    if (sample.world.rank == 0) {
        assert_int_equal(folder_create(partial), STATUS_OK);
        assert_int_equal(file_replace(path, "x", 1), STATUS_OK);
    }
    world_barrier(&sample.world);
    expect_restored(-1, 7);
    assert_false(folder_exists(partial));
    memory_free(partial);
    memory_free(path);
    close_nodes();
}

static void a_node_that_was_killed_before_its_commit_is_done_without(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(6);
    save(7);
    if (is_first_of(0)) {
        char *place = checkpoint_folder_path(sample.local, 7, CHECKPOINT_COMMITTED);
        char *partial = checkpoint_folder_path(sample.local, 7, CHECKPOINT_PARTIAL);
        assert_int_equal(rename(place, partial), 0);
        memory_free(place);
        memory_free(partial);
    }
    world_barrier(&sample.world);
    expect_restored(-1, node_count() > 1 ? 7 : 6);
    close_nodes();
}

/* Collective. A byte of a file of node 0's, or its end. */
static void damage(const char *name, bool cuts)
{
    if (is_first_of(0)) {
        struct strbuf text = STRBUF_INIT;
        char *path = sample_path(sample.local, 7, name);
        assert_int_equal(file_read(path, 1 << 20, &text), STATUS_OK);
        text.bytes[text.length - 1] ^= 1;
        assert_int_equal(file_replace(path, text.bytes, text.length - cuts), STATUS_OK);
        strbuf_release(&text);
        memory_free(path);
    }
    world_barrier(&sample.world);
}

static void what_is_damaged_is_taken_from_another_node(void **state)
{
    static const char *const names[] = { "model.safetensors", "state.json", "config.json",
                                         "manifest.json", "optimizer-00001-of-0000%d.safetensors" };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        char name[64];
        open_nodes(LAYOUT_THREES);
        const bool has_copy = node_count() > 1;
        snprintf(name, sizeof name, names[i / 2], sample.world.size);
        save(6);
        save(7);
        damage(name, i % 2);
        expect_restored(-1, has_copy ? 7 : 6);
        close_nodes();
    }
}

static void a_copy_is_damaged_and_nobody_misses_it(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(7);
    if (node_count() > 1) { /* the last node's ranks gave it to node 0 */
        char name[64];
        snprintf(name, sizeof name, "optimizer-%05d-of-%05d.safetensors", sample.world.size,
                 sample.world.size);
        damage(name, false);
    }
    expect_restored(-1, 7);
    close_nodes();
}

static void a_shared_checkpoint_that_is_newer_is_left_alone(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(7);
    assert_int_equal(sample_save(&sample.world, sample.run, 9), STATUS_OK);
    expect_restored(-1, 9);
    char *place = checkpoint_folder_path(sample.run, 7, CHECKPOINT_COMMITTED);
    assert_false(folder_exists(place));
    expect_restored(7, 9); /* asked for, it is there beside it */
    assert_true(folder_exists(place));
    memory_free(place);
    close_nodes();
}

static void a_step_that_is_asked_for_is_the_one_that_is_taken(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(7);
    save(8);
    expect_restored(5, -1);
    expect_restored(7, 7);
    assert_int_equal(local_tier_newest(&sample.world, sample.local), 8);
    close_nodes();
}

/* It was away when the step was taken once more. */
static void a_node_with_another_checkpoint_of_the_step_does_not_mix_in(void **state)
{
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    const bool is_late = is_first_of(node_count() - 1);
    char *place = checkpoint_folder_path(sample.local, 7, CHECKPOINT_COMMITTED);
    char *aside = path_join(sample.local, "aside");
    save(7);
    if (is_late && node_count() > 1)
        assert_int_equal(rename(place, aside), 0);
    sleep(1); /* a manifest tells the second in which it was made */
    save(7);
    if (is_late && node_count() > 1) {
        assert_int_equal(folder_remove(place), STATUS_OK);
        assert_int_equal(rename(aside, place), 0);
    }
    world_barrier(&sample.world);
    expect_restored(-1, 7);
    memory_free(place);
    memory_free(aside);
    close_nodes();
}

static void the_last_two_are_kept_and_none_of_a_way_not_gone(void **state)
{
    const struct checkpoint_way way = { .is_local = true, .retention = { .last = 2 } };
    static const int64_t steps[] = { 5, 6, 7, 4 };
    static const char *const kept[] = { "5", "56", "67", "4" };
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    for (int i = 0; i < 4; i++) {
        save_so(&way, steps[i]);
        world_barrier(&sample.world);
        for (char step = '4'; step < '8'; step++) {
            char *place = checkpoint_folder_path(sample.local, step - '0', CHECKPOINT_COMMITTED);
            assert_int_equal(folder_exists(place), strchr(kept[i], step) != NULL);
            memory_free(place);
        }
        world_barrier(&sample.world);
    }
    close_nodes();
}

static void an_error_on_one_node_fails_the_save_on_all_and_leaves_the_one_before(void **state)
{
    struct checkpoint_writer *writer;
    char name[64];
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(7);
    assert_int_equal(checkpoint_writer_begin(&sample.world, &local_way, sample.local, 8, &writer),
                     STATUS_OK);
    char *partial = checkpoint_folder_path(sample.local, 8, CHECKPOINT_PARTIAL);
    snprintf(name, sizeof name, "optimizer-%05d-of-%05d.safetensors", sample.world.rank + 1,
             sample.world.size);
    char *path = path_join(partial, name);
    if (sample.world.rank == sample.world.size - 1)
        assert_int_equal(folder_create(path), STATUS_OK);
    sample_add(writer, &sample.world, 8, sample.world.node_rank == 0);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "File exists"));
    world_barrier(&sample.world);
    assert_false(folder_exists(partial));
    memory_free(path);
    memory_free(partial);
    expect_restored(-1, 7);
    close_nodes();
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
    open_nodes(LAYOUT_THREES);
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(i * (sample.world.rank + 1));
    snprintf(name, sizeof name, "long-%d.safetensors", sample.world.rank);
    snprintf(tensor, sizeof tensor, "long.%d", sample.world.rank);
    const struct tensor_part part = { tensor, count, 0, &range, 1, data };
    assert_int_equal(checkpoint_writer_begin(&sample.world, &local_way, sample.local, 8, &writer),
                     STATUS_OK);
    sample_add(writer, &sample.world, 8, sample.world.node_rank == 0);
    checkpoint_writer_add_tensors(writer, name, &part, 1);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_OK);
    if (node_count() > 1)
        lose(0, 8);
    expect_restored(-1, 8);
    memory_free(data);
    close_nodes();
}

static void one_folder_for_two_nodes_is_refused(void **state)
{
    char *folder;
    char *shared;
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    shared = path_join(sample.run, "shared");
    enum status status = local_tier_open(&sample.world, shared, sample.run, &folder);
    assert_int_equal(status, node_count() > 1 ? STATUS_BAD_INPUT : STATUS_OK);
    if (status != STATUS_OK)
        assert_non_null(strstr(status_message(), "each needs its own"));
    memory_free(folder);
    memory_free(shared);
    close_nodes();
}

static void a_run_that_is_begun_anew_does_not_find_the_first_ones(void **state)
{
    char local[600], *folder;
    (void)state;
    open_nodes(LAYOUT_PAIRS);
    save(7);
    if (sample.world.rank == 0) {
        char *id = path_join(sample.run, "local_id");
        assert_int_equal(unlink(id), 0);
        memory_free(id);
    }
    snprintf(local, sizeof local, "%s/nodes/%%h/local", sample.run);
    assert_int_equal(local_tier_open(&sample.world, local, sample.run, &folder), STATUS_OK);
    assert_string_not_equal(folder, sample.local);
    assert_int_equal(local_tier_newest(&sample.world, folder), -1);
    assert_int_equal(local_tier_newest(&sample.world, sample.local), 7);
    memory_free(folder);
    close_nodes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_local_save_is_restored_with_the_digest_of_a_shared_one),
        cmocka_unit_test(any_one_node_may_be_lost),
        cmocka_unit_test(where_a_node_and_its_partner_are_lost_the_step_before_is_taken),
        cmocka_unit_test(where_none_is_whole_the_run_does_not_begin_anew),
        cmocka_unit_test(a_run_that_cannot_be_written_is_an_error_and_the_nodes_keep_theirs),
        cmocka_unit_test(what_an_earlier_start_has_half_restored_is_done_again),
        cmocka_unit_test(a_node_that_was_killed_before_its_commit_is_done_without),
        cmocka_unit_test(what_is_damaged_is_taken_from_another_node),
        cmocka_unit_test(a_copy_is_damaged_and_nobody_misses_it),
        cmocka_unit_test(a_shared_checkpoint_that_is_newer_is_left_alone),
        cmocka_unit_test(a_step_that_is_asked_for_is_the_one_that_is_taken),
        cmocka_unit_test(a_node_with_another_checkpoint_of_the_step_does_not_mix_in),
        cmocka_unit_test(the_last_two_are_kept_and_none_of_a_way_not_gone),
        cmocka_unit_test(an_error_on_one_node_fails_the_save_on_all_and_leaves_the_one_before),
        cmocka_unit_test(long_files_cross_whole),
        cmocka_unit_test(one_folder_for_two_nodes_is_refused),
        cmocka_unit_test(a_run_that_is_begun_anew_does_not_find_the_first_ones),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
