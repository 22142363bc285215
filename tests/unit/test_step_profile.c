/* The table and the JSON of a profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/reports/median.h"
#include "trainer/reports/step_profile.h"

static const struct kernel_profile kernels[KERNELS] = {
    [KERNEL_OPTIMIZER] = { .seconds = 1, .calls = 2, .bytes = 4000000000 },
    [KERNEL_PRODUCT_HEAD] = { .seconds = 2, .calls = 6, .flops = 8000000000 },
};
static const struct profile_stage reduction = { "reduction", 0.5 };
static const struct step_profile profile = {
    .kernels = kernels, .stages = &reduction, .stage_count = 1, .steps = 2, .seconds = 4
};

static void kernels_come_by_their_time_and_the_rest_is_told(void **state)
{
    (void)state;
    struct strbuf table = STRBUF_INIT;
    step_profile_print(&profile, &table);
    const char *head = strstr(table.bytes, "head products"),
               *optimizer = strstr(table.bytes, "optimizer"),
               *reduced = strstr(table.bytes, "reduction"), *other = strstr(table.bytes, "other");
    assert_non_null(head);
    assert_true(head < optimizer && optimizer < reduced && reduced < other);
    assert_non_null(strstr(head, "50.0 %     1000.00       3         4.0\n"));
    assert_non_null(strstr(optimizer, "25.0 %      500.00       1                   4.0\n"));
    assert_non_null(strstr(other, "12.5 %      250.00\n"));
    assert_null(strstr(table.bytes, "rotation")); /* did not run */
    strbuf_release(&table);
}

static void json_holds_the_same(void **state)
{
    (void)state;
    struct json *json = step_profile_to_json(&profile);
    const struct json *list = json_member(json, "kernels");
    assert_int_equal(json_length(list), 2);
    assert_string_equal(json_text(json_member(json_item(list, 0), "name")), "head products");
    assert_int_equal(json_integer_of(json_member(json_item(list, 1), "bytes")), 4000000000);
    const struct json *other = json_item(json_member(json, "stages"), 1);
    assert_true(json_number_of(json_member(other, "seconds")) == 0.5);
    json_free(json);
}

static void spread_is_half_the_distance_between_the_quartiles(void **state)
{
    (void)state;
    double values[] = { 10, 30, 20, 50, 40 }, spread, even[] = { 1, 2 };
    assert_true(median_of(values, 5, &spread) == 30);
    assert_true(spread == 0.5 * (40 - 20) / 30.0);
    assert_true(median_of(even, 2, NULL) == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_come_by_their_time_and_the_rest_is_told),
        cmocka_unit_test(json_holds_the_same),
        cmocka_unit_test(spread_is_half_the_distance_between_the_quartiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
