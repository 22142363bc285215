#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "tests/unit/checkpoint_sample.h"

static struct world world;
static const struct checkpoint_way way; /* the simplest */

/* Every test has a run of its own. */
static int new_run(void **state)
{
    *state = sample_new_run();
    return 0;
}

static int drop_run(void **state)
{
    enum status status = folder_remove(*state);
    memory_free(*state);
    return status == STATUS_OK ? 0 : -1;
}

static void save(const char *run, int64_t step)
{
    if (sample_save(&world, run, step) != STATUS_OK)
        fail_msg("%s", status_message());
}

/* The checkpoints that are there, newest first. */
static void expect_steps(const char *run, const int64_t *steps, int64_t count)
{
    struct checkpoint_catalogue catalogue;
    assert_int_equal(checkpoint_catalogue_read(run, &catalogue), STATUS_OK);
    assert_int_equal(catalogue.count, count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(catalogue.candidates[i].step, steps[i]);
    checkpoint_catalogue_release(&catalogue);
}

#define EXPECT_STEPS(run, ...)                                                                     \
    expect_steps(run, (const int64_t[]){ __VA_ARGS__ },                                            \
                 sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static const struct checkpoint_retention last_two = { .last = 2 };

static void the_last_valid_ones_are_kept(void **state)
{
    for (int64_t step = 1; step <= 5; step++)
        save(*state, step);
    char *partial = checkpoint_folder_path(*state, 4, CHECKPOINT_PARTIAL);
    char *damaged = sample_path(*state, 5, "manifest.json");
    assert_int_equal(folder_create(partial), STATUS_OK);
    assert_int_equal(unlink(damaged), 0);
    assert_int_equal(checkpoint_prune(*state, &last_two), STATUS_OK);
    assert_false(folder_exists(partial));
    EXPECT_STEPS(*state, 5, 4, 3); /* 5 is damaged, and left to be looked at */
    memory_free(partial);
    memory_free(damaged);
}

static void every_so_many_steps_one_is_kept_for_ever(void **state)
{
    const struct checkpoint_retention retention = { .last = 1, .every = 3 };
    for (int64_t step = 1; step <= 8; step++) {
        save(*state, step);
        assert_int_equal(checkpoint_prune(*state, &retention), STATUS_OK);
    }
    EXPECT_STEPS(*state, 8, 6, 3);
}

/* A state of one number; 0: none. */
static void save_validated(const char *run, int64_t step, double validation_loss)
{
    struct checkpoint_writer *writer;
    char text[128];
    int length = validation_loss > 0
                     ? snprintf(text, sizeof text, "{\"digested\": {}, \"validation_loss\": %.2f}",
                                validation_loss)
                     : snprintf(text, sizeof text, "{\"digested\": {}}");
    assert_int_equal(checkpoint_writer_begin(&world, &way, run, step, &writer), STATUS_OK);
    checkpoint_writer_add_text(writer, CHECKPOINT_STATE_NAME, text, (size_t)length);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_OK);
}

static void the_best_by_validation_loss_is_kept(void **state)
{
    const struct checkpoint_retention retention = { .last = 1, .best = true };
    static const double losses[] = { 3.5, 2.25, 2.75, 0, 2.25, 3 };
    for (int64_t step = 1; step <= 6; step++) {
        save_validated(*state, step, losses[step - 1]);
        assert_int_equal(checkpoint_prune(*state, &retention), STATUS_OK);
    }
    EXPECT_STEPS(*state, 6, 5); /* of equal ones the newest */
}

static void nothing_is_removed_while_too_few_are_valid(void **state)
{
    char *damaged = sample_path(*state, 2, "manifest.json");
    save(*state, 1);
    save(*state, 2);
    assert_int_equal(unlink(damaged), 0);
    assert_int_equal(checkpoint_prune(*state, &last_two), STATUS_OK);
    EXPECT_STEPS(*state, 2, 1);
    memory_free(damaged);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_run, drop_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_valid_ones_are_kept),
        TEST(every_so_many_steps_one_is_kept_for_ever),
        TEST(the_best_by_validation_loss_is_kept),
        TEST(nothing_is_removed_while_too_few_are_valid),
    };
    if (world_init(&world) != STATUS_OK)
        fail_msg("%s", status_message());
    int failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
    world_finalize(&world);
    return failed_tests;
}
