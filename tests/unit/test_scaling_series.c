/* Which runs are compared, with which, and what comes of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/speed_sample.h"
#include "trainer/reports/scaling_series.h"
#include "trainer/reports/scaling_table.h"

enum { ROOM = 16 };

static struct scaling_study study;
static struct scaling_series_list list;

static int open_study(void **state)
{
    (void)state;
    study = study_sample(ROOM);
    list = (struct scaling_series_list){ 0 };
    return 0;
}

static int close_study(void **state)
{
    (void)state;
    scaling_series_release(&list);
    scaling_study_release(&study);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void add(const char *name, struct speed_record speed)
{
    study_sample_add(&study, name, speed);
}

/* "strong a b c" */
static void assert_series(int64_t index, const char *expected)
{
    struct strbuf text = STRBUF_INIT;
    assert_true(index < list.count);
    const struct scaling_series *series = &list.series[index];
    strbuf_add_string(&text, scaling_kind_names[series->kind]);
    for (int64_t i = 0; i < series->count; i++)
        strbuf_addf(&text, " %s", series->members[i].point->name);
    assert_string_equal(text.bytes, expected);
    strbuf_release(&text);
}

static void the_same_work_on_more_ranks_is_strong_scaling(void **state)
{
    (void)state;
    add("eight", speed_sample(8, 2, 4096, 600));
    add("one", speed_sample(1, 2, 4096, 100));
    add("two", speed_sample(2, 2, 4096, 190));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_series(0, "strong one two eight");
    const struct scaling_member *members = list.series[0].members;
    assert_true(members[0].speedup == 1 && members[0].efficiency == 1);
    assert_true(members[1].speedup == 1.9 && members[1].efficiency == 0.95);
    assert_true(members[2].speedup == 6 && members[2].efficiency == 0.75);
    assert_true(scaling_series_ideal(&list.series[0], 16) == 800);
    assert_string_equal(list.series[0].title,
                        "strong scaling: 4096 tokens a step, 2 threads a rank");
}

static void the_same_work_for_each_rank_is_weak_scaling(void **state)
{
    (void)state;
    add("one", speed_sample(1, 1, 4096, 100));
    add("three", speed_sample(3, 1, 3 * 4096, 270));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_series(0, "weak one three");
    assert_true(list.series[0].members[1].efficiency == 0.9);
    assert_string_equal(list.series[0].title,
                        "weak scaling: 4096 tokens a step for each rank, 1 thread a rank");
}

static void a_point_may_be_in_a_strong_and_a_weak_series(void **state)
{
    (void)state;
    add("one", speed_sample(1, 1, 4096, 100));
    add("strong-2", speed_sample(2, 1, 4096, 180));
    add("weak-2", speed_sample(2, 1, 8192, 195));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 2);
    assert_series(0, "strong one strong-2");
    assert_series(1, "weak one weak-2");
}

static void tokens_a_rank_are_compared_as_fractions(void **state)
{
    (void)state;
    const int64_t most = (int64_t)1 << 53;
    add("a", speed_sample(2, 1, 1001, 100));
    add("b", speed_sample(4, 1, 2002, 200));
    add("c", speed_sample(4, 1, 2001, 200));
    add("d", speed_sample(INT32_MAX, 1, most - 1, 200));
    add("e", speed_sample(INT32_MAX - 1, 1, most, 200));
    scaling_series_find(&study, &list);
    assert_series(0, "weak a b");
    assert_series(1, "single c e d");
    assert_int_equal(list.count, 2);
}

static void more_threads_on_the_same_ranks_are_a_series_of_their_own(void **state)
{
    (void)state;
    add("t1", speed_sample(2, 1, 4096, 100));
    add("t4", speed_sample(2, 4, 4096, 300));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_series(0, "threads t1 t4");
    assert_true(list.series[0].members[1].efficiency == 0.75);
    assert_string_equal(list.series[0].title,
                        "more threads: 4096 tokens a step, 2 ranks on 2 nodes");
}

static void a_grid_of_ranks_and_threads_has_a_series_along_each_line(void **state)
{
    (void)state;
    add("1x1", speed_sample(1, 1, 4096, 100));
    add("1x2", speed_sample(1, 2, 4096, 190));
    add("2x1", speed_sample(2, 1, 4096, 180));
    add("2x2", speed_sample(2, 2, 4096, 350));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 4);
    assert_series(0, "strong 1x1 2x1");
    assert_series(1, "strong 1x2 2x2");
    assert_series(2, "threads 1x1 1x2");
    assert_series(3, "threads 2x1 2x2");
}

static void other_settings_are_other_series_and_their_titles_say_so(void **state)
{
    (void)state;
    struct speed_record one = speed_sample(1, 1, 4096, 50), two = speed_sample(2, 1, 4096, 90);
    strcpy(one.precision, "fp32");
    strcpy(two.precision, "fp32");
    add("bf16-1", speed_sample(1, 1, 4096, 100));
    add("bf16-2", speed_sample(2, 1, 4096, 180));
    add("fp32-1", one);
    add("fp32-2", two);
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 2);
    assert_series(0, "strong bf16-1 bf16-2");
    assert_series(1, "strong fp32-1 fp32-2");
    assert_non_null(strstr(list.series[0].title, ", precision bf16"));
    assert_non_null(strstr(list.series[1].title, ", precision fp32"));
    assert_null(strstr(list.series[1].title, "optimizer"));
}

static void runs_of_one_size_are_no_series(void **state)
{
    (void)state;
    add("again", speed_sample(2, 1, 4096, 101));
    add("once", speed_sample(2, 1, 4096, 100));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_series(0, "single again once");
    assert_true(isnan(list.series[0].members[0].speedup));
    assert_true(isnan(list.series[0].members[1].efficiency));
}

static void repeated_points_stay_in_their_series(void **state)
{
    (void)state;
    add("one", speed_sample(1, 1, 4096, 100));
    add("two-a", speed_sample(2, 1, 4096, 180));
    add("two-b", speed_sample(2, 1, 4096, 190));
    scaling_series_find(&study, &list);
    assert_int_equal(list.count, 1);
    assert_series(0, "strong one two-a two-b");
}

static void the_table_has_a_dash_for_what_is_unknown(void **state)
{
    (void)state;
    struct speed_record measured = speed_sample(2, 1, 4096, 180);
    struct strbuf table = STRBUF_INIT;
    measured.joules_per_token = 0.25;
    add("one", speed_sample(1, 1, 4096, 100));
    add("two", measured);
    scaling_series_find(&study, &list);
    scaling_table_print(&list.series[0], &table);
    const char *one = strstr(table.bytes, "\n  one"), *two = strstr(table.bytes, "\n  two");
    assert_non_null(one);
    assert_non_null(two);
    assert_non_null(strstr(one, "       -\n"));
    assert_non_null(strstr(two, "180      1.80      90.0 %  42.5 %    6.2 %     12.5 %      3.00"
                                "    0.2500\n"));
    strbuf_release(&table);
}

static void json_of_a_point_has_its_place_and_all_that_was_measured(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    add("one", speed_sample(1, 1, 4096, 100));
    add("two", speed_sample(2, 1, 4096, 180));
    scaling_series_find(&study, &list);
    struct json *json = scaling_member_to_json(&list.series[0], &list.series[0].members[1]);
    json_print(json, JSON_COMPACT, &text);
    assert_non_null(strstr(text.bytes, "{\"name\":\"two\",\"series\":\"strong scaling: "));
    assert_non_null(strstr(text.bytes, "\"kind\":\"strong\",\"speedup\":1.8,\"efficiency\":0.9,"));
    assert_non_null(strstr(text.bytes, "\"tokens_per_second\":180.0"));
    assert_non_null(strstr(text.bytes, "\"joules_per_token\":null"));
    json_free(json);
    strbuf_release(&text);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_study, close_study)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_work_on_more_ranks_is_strong_scaling),
        CASE(the_same_work_for_each_rank_is_weak_scaling),
        CASE(a_point_may_be_in_a_strong_and_a_weak_series),
        CASE(tokens_a_rank_are_compared_as_fractions),
        CASE(more_threads_on_the_same_ranks_are_a_series_of_their_own),
        CASE(a_grid_of_ranks_and_threads_has_a_series_along_each_line),
        CASE(other_settings_are_other_series_and_their_titles_say_so),
        CASE(runs_of_one_size_are_no_series),
        CASE(repeated_points_stay_in_their_series),
        CASE(the_table_has_a_dash_for_what_is_unknown),
        CASE(json_of_a_point_has_its_place_and_all_that_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
