/* ranks: 1 2 3 5 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/local_tier.h"
#include "tests/mpi/local_sample.h"
#include "tests/unit/checkpoint_sample.h"

/* Collective. No part makes a whole, and there is nothing else: that is no fresh start. */
static void expect_refused(void)
{
    assert_int_equal(
        local_tier_restore(&local_sample.world, local_sample.local, local_sample.run, -1),
        STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "local checkpoints is whole"));
}

/* Collective. A byte of a file of node 0's, or its end. */
static void damage(const char *name, bool cuts)
{
    if (local_sample_is_first(0)) {
        struct strbuf text = STRBUF_INIT;
        char *path = sample_path(local_sample.local, 7, name);
        assert_int_equal(file_read(path, 1 << 20, &text), STATUS_OK);
        text.bytes[text.length - 1] ^= 1;
        assert_int_equal(file_replace(path, text.bytes, text.length - cuts), STATUS_OK);
        strbuf_release(&text);
        memory_free(path);
    }
    world_barrier(&local_sample.world);
}

static void a_local_save_is_restored_with_the_digest_of_a_shared_one(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        local_sample_open((enum node_layout)layout);
        local_sample_save(7);
        local_sample_expect(-1, 7);
        local_sample_close();
    }
}

static void any_one_node_may_be_lost(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        int nodes = 1;
        for (int lost = 0; lost < nodes; lost++) {
            local_sample_open((enum node_layout)layout);
            nodes = local_sample_nodes();
            local_sample_save(7);
            local_sample_lose(lost, 7);
            local_sample_expect(-1, nodes > 1 ? 7 : -1);
            local_sample_close();
        }
    }
}

static void where_a_node_and_its_partner_are_lost_the_step_before_is_taken(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_APART);
    local_sample_save(7);
    local_sample_save(8);
    local_sample_lose(0, 8);
    if (local_sample_nodes() > 1)
        local_sample_lose(1, 8);
    local_sample_expect(-1, 7);
    local_sample_close();
}

static void where_none_is_whole_the_run_does_not_begin_anew(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_APART);
    local_sample_save(7);
    if (local_sample_nodes() > 2) {
        local_sample_lose(0, 7);
        local_sample_lose(1, 7);
        expect_refused();
        assert_int_equal(sample_save(&local_sample.world, local_sample.run, 5), STATUS_OK);
        local_sample_expect(-1, 5);
    }
    local_sample_close();
}

static void a_run_that_cannot_be_written_is_an_error_and_the_nodes_keep_theirs(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    char *path = path_join(local_sample.run, "checkpoints");
    local_sample_save(7);
    if (local_sample.world.rank == 0)
        assert_int_equal(file_replace(path, "x", 1), STATUS_OK);
    world_barrier(&local_sample.world);
    assert_int_not_equal(
        local_tier_restore(&local_sample.world, local_sample.local, local_sample.run, -1),
        STATUS_OK);
    if (local_sample.world.rank == 0)
        assert_int_equal(unlink(path), 0);
    world_barrier(&local_sample.world);
    local_sample_expect(-1, 7);
    memory_free(path);
    local_sample_close();
}

/* Killed while it copied. */
static void what_an_earlier_start_has_half_restored_is_done_again(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    char *partial = checkpoint_folder_path(local_sample.run, 7, CHECKPOINT_PARTIAL);
    char *path = path_join(partial, "model.safetensors");
    local_sample_save(7);
    if (local_sample.world.rank == 0) {
        assert_int_equal(folder_create(partial), STATUS_OK);
        assert_int_equal(file_replace(path, "x", 1), STATUS_OK);
    }
    world_barrier(&local_sample.world);
    local_sample_expect(-1, 7);
    assert_false(folder_exists(partial));
    memory_free(partial);
    memory_free(path);
    local_sample_close();
}

static void a_node_that_was_killed_before_its_commit_is_done_without(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(6);
    local_sample_save(7);
    if (local_sample_is_first(0)) {
        char *place = checkpoint_folder_path(local_sample.local, 7, CHECKPOINT_COMMITTED);
        char *partial = checkpoint_folder_path(local_sample.local, 7, CHECKPOINT_PARTIAL);
        assert_int_equal(rename(place, partial), 0);
        memory_free(place);
        memory_free(partial);
    }
    world_barrier(&local_sample.world);
    local_sample_expect(-1, local_sample_nodes() > 1 ? 7 : 6);
    local_sample_close();
}

static void what_is_damaged_is_taken_from_another_node(void **state)
{
    static const char *const names[] = { "model.safetensors", "state.json", "config.json",
                                         "manifest.json", "optimizer-00001-of-0000%d.safetensors" };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        char name[64];
        local_sample_open(LAYOUT_THREES);
        const bool has_copy = local_sample_nodes() > 1;
        snprintf(name, sizeof name, names[i / 2], local_sample.world.size);
        local_sample_save(6);
        local_sample_save(7);
        damage(name, i % 2);
        local_sample_expect(-1, has_copy ? 7 : 6);
        local_sample_close();
    }
}

static void a_copy_is_damaged_and_nobody_misses_it(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    if (local_sample_nodes() > 1) { /* the last node's ranks gave it to node 0 */
        char name[64];
        snprintf(name, sizeof name, "optimizer-%05d-of-%05d.safetensors", local_sample.world.size,
                 local_sample.world.size);
        damage(name, false);
    }
    local_sample_expect(-1, 7);
    local_sample_close();
}

static void a_shared_checkpoint_that_is_newer_is_left_alone(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    assert_int_equal(sample_save(&local_sample.world, local_sample.run, 9), STATUS_OK);
    local_sample_expect(-1, 9);
    char *place = checkpoint_folder_path(local_sample.run, 7, CHECKPOINT_COMMITTED);
    assert_false(folder_exists(place));
    local_sample_expect(7, 9); /* asked for, it is there beside it */
    assert_true(folder_exists(place));
    memory_free(place);
    local_sample_close();
}

static void a_step_that_is_asked_for_is_the_one_that_is_taken(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    local_sample_save(7);
    local_sample_save(8);
    local_sample_expect(5, -1);
    local_sample_expect(7, 7);
    assert_int_equal(local_tier_newest(&local_sample.world, local_sample.local), 8);
    local_sample_close();
}

/* It was away when the step was taken once more. */
static void a_node_with_another_checkpoint_of_the_step_does_not_mix_in(void **state)
{
    (void)state;
    local_sample_open(LAYOUT_PAIRS);
    const bool is_late = local_sample_is_first(local_sample_nodes() - 1);
    char *place = checkpoint_folder_path(local_sample.local, 7, CHECKPOINT_COMMITTED);
    char *aside = path_join(local_sample.local, "aside");
    local_sample_save(7);
    if (is_late && local_sample_nodes() > 1)
        assert_int_equal(rename(place, aside), 0);
    sleep(1); /* a manifest tells the second in which it was made */
    local_sample_save(7);
    if (is_late && local_sample_nodes() > 1) {
        assert_int_equal(folder_remove(place), STATUS_OK);
        assert_int_equal(rename(aside, place), 0);
    }
    world_barrier(&local_sample.world);
    local_sample_expect(-1, 7);
    memory_free(place);
    memory_free(aside);
    local_sample_close();
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
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
