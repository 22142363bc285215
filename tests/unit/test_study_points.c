#include "trainer/jobs/study_points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static const struct study_plan usual = { .nodes = "4,1,2",
                                         .ranks_per_node = "1",
                                         .threads = "0",
                                         .leaves = 8,
                                         .strong = true,
                                         .weak = true };

static const struct study_point *find(const struct study_points *study, const char *name)
{
    for (int64_t i = 0; i < study->count; i++)
        if (strcmp(study->points[i].name, name) == 0)
            return &study->points[i];
    return NULL;
}

static void strong_points_have_one_batch_and_weak_ones_a_share_for_each_rank(void **state)
{
    (void)state;
    struct study_points study;
    assert_int_equal(study_points_plan(&usual, &study), STATUS_OK);
    assert_int_equal(study.count, 5);
    assert_int_equal(find(&study, "n1-r1")->leaves, 8);
    assert_int_equal(find(&study, "n2-r1")->leaves, 8);
    assert_int_equal(find(&study, "n4-r1")->leaves, 8);
    assert_int_equal(find(&study, "n2-r1-weak")->leaves, 16);
    assert_int_equal(find(&study, "n4-r1-weak")->leaves, 32);
    study_points_release(&study);
}

static void all_combinations_are_points(void **state)
{
    (void)state;
    struct study_points study;
    struct study_plan plan = usual;
    plan.nodes = "1,2", plan.ranks_per_node = "1,2", plan.threads = "4,8", plan.weak = false;
    assert_int_equal(study_points_plan(&plan, &study), STATUS_OK);
    assert_int_equal(study.count, 8);
    assert_non_null(find(&study, "n2-r2-t8"));
    study_points_release(&study);
}

static void points_of_a_number_of_nodes_are_counted_from_zero(void **state)
{
    (void)state;
    struct study_points study;
    assert_int_equal(study_points_plan(&usual, &study), STATUS_OK);
    assert_string_equal(study_points_find(&study, 2, 0)->name, "n2-r1");
    assert_string_equal(study_points_find(&study, 2, 1)->name, "n2-r1-weak");
    assert_null(study_points_find(&study, 2, 2));
    assert_null(study_points_find(&study, 3, 0));
    study_points_release(&study);
}

static void lists_that_are_none_are_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "",    ",",   "1,",   "1,,2", "0",        "-1",
        "1;2", "1,1", "2e3x", "$(x)", "99999999", "99999999999999999999"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct study_points study;
        struct study_plan plan = usual;
        plan.nodes = wrong[i];
        assert_int_equal(study_points_plan(&plan, &study), STATUS_BAD_INPUT);
        study_points_release(&study);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct study_points study, read;
    assert_int_equal(study_points_plan(&usual, &study), STATUS_OK);
    word_list_add(&study.train, "--corpus=a b");
    assert_int_equal(study_points_write(&study, "."), STATUS_OK);
    assert_int_equal(study_points_read(".", &read), STATUS_OK);
    assert_int_equal(read.count, study.count);
    assert_memory_equal(read.points, study.points, (size_t)study.count * sizeof *study.points);
    assert_int_equal(read.train.count, 1);
    assert_string_equal(read.train.words[0], "--corpus=a b");
    study_points_release(&study);
    study_points_release(&read);
}

static void a_study_that_would_leave_its_folder_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {
        "{\"train\": [], \"points\": [{\"name\": \"../x\", \"nodes\": 1, \"ranks_per_node\": 1, "
        "\"threads\": 1, \"leaves\": 1}]}",
        "{\"train\": [1], \"points\": []}",
        "{\"train\": []}",
        "[]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct study_points study;
        assert_int_equal(file_replace("study.json", texts[i], strlen(texts[i])), STATUS_OK);
        assert_int_equal(study_points_read(".", &study), STATUS_BAD_INPUT);
    }
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strong_points_have_one_batch_and_weak_ones_a_share_for_each_rank),
        cmocka_unit_test(all_combinations_are_points),
        cmocka_unit_test(points_of_a_number_of_nodes_are_counted_from_zero),
        cmocka_unit_test(lists_that_are_none_are_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_study_that_would_leave_its_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
