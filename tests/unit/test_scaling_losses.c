/* Runs of a series are the same work only where their losses are the same to the last bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/speed_sample.h"
#include "trainer/reports/scaling_losses.h"

static char folder[64];
static struct scaling_study study;
static struct scaling_series_list list;

static int open_study(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_scaling_losses.XXXXXX");
    study = study_sample(3);
    return mkdtemp(folder) ? 0 : -1;
}

static int close_study(void **state)
{
    (void)state;
    scaling_series_release(&list);
    scaling_study_release(&study);
    return folder_remove(folder) == STATUS_OK && memory_live_blocks() == 0 ? 0 : -1;
}

static void add_run(const char *name, int64_t ranks, const char *metrics)
{
    char *run = path_join(folder, name), *path = path_join(run, "metrics.jsonl");
    study_sample_add(&study, name, speed_sample(ranks, 1, 4096, 100.0 * (double)ranks));
    memory_free(study.points[study.count - 1].run_folder);
    study.points[study.count - 1].run_folder = run;
    assert_int_equal(folder_create(run), STATUS_OK);
    if (metrics)
        assert_int_equal(file_replace(path, metrics, strlen(metrics)), STATUS_OK);
    memory_free(path);
}

static enum status compare(struct scaling_losses *losses)
{
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_true(scaling_losses_are_due(&list.series[0]));
    return scaling_losses_compare(&list.series[0], losses);
}

static void the_last_step_that_all_have_is_compared(void **state)
{
    (void)state;
    struct scaling_losses losses;
    add_run("a", 1,
            "{\"step\":10,\"loss\":3.25}\n{\"step\":20,\"loss\":3.5}\n"
            "{\"step\":30,\"loss\":1}\n");
    add_run("b", 2,
            "{\"step\":10,\"loss\":3}\n{\"step\":20,\"loss\":3.5}\n"
            "{\"step\":25,\"loss\":2}\n");
    add_run("c", 4, "{\"step\":20,\"loss\":3.5}\n{\"step\":30,\"loss\":2}\n");
    assert_int_equal(compare(&losses), STATUS_OK);
    assert_int_equal(losses.step, 20);
    assert_true(losses.are_same);
    assert_true(losses.first == 3.5);
}

static void a_last_bit_that_differs_is_seen_and_its_run_named(void **state)
{
    (void)state;
    struct scaling_losses losses;
    add_run("a", 1, "{\"step\":10,\"loss\":3.25}\n");
    add_run("b", 2, "{\"step\":10,\"loss\":3.25}\n");
    add_run("c", 4, "{\"step\":10,\"loss\":3.2500000000000004}\n");
    assert_int_equal(compare(&losses), STATUS_OK);
    assert_false(losses.are_same);
    assert_string_equal(losses.differs->name, "c");
    assert_true(losses.other > losses.first);
}

static void runs_without_a_common_step_or_metrics_cannot_be_compared(void **state)
{
    (void)state;
    struct scaling_losses losses;
    add_run("a", 1, "{\"step\":10,\"loss\":3.25}\n");
    add_run("b", 2, "{\"step\":20,\"loss\":3.25}\n");
    assert_int_equal(compare(&losses), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "no logged step in common"));
    scaling_series_release(&list);
    add_run("c", 4, NULL);
    assert_int_equal(compare(&losses), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "c/metrics.jsonl"));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_study, close_study)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_last_step_that_all_have_is_compared),
        CASE(a_last_bit_that_differs_is_seen_and_its_run_named),
        CASE(runs_without_a_common_step_or_metrics_cannot_be_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
