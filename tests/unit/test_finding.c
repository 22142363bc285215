#include "trainer/commands/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static struct findings findings;

static int start_empty(void **state)
{
    (void)state;
    memset(&findings, 0, sizeof findings);
    return 0;
}

static void a_finding_is_well_until_judged(void **state)
{
    (void)state;
    struct finding *finding = finding_add(&findings, "stack", "%d MiB", 8);
    assert_int_equal(finding->verdict, VERDICT_OK);
    assert_string_equal(finding->value, "8 MiB");
    assert_string_equal(finding->remedy, "");

    finding_judge(finding, VERDICT_BAD, "ulimit -s %d", 8192);
    assert_string_equal(finding->remedy, "ulimit -s 8192");
    assert_int_equal(findings_count(&findings, VERDICT_BAD), 1);
    assert_int_equal(findings_count(&findings, VERDICT_OK), 0);
}

static void findings_are_found_by_name(void **state)
{
    (void)state;
    finding_add(&findings, "zlib", "1.2.13");
    finding_add(&findings, "HDF5", "1.10.8");
    assert_string_equal(finding_named(&findings, "HDF5")->value, "1.10.8");
    assert_null(finding_named(&findings, "HDF"));
}

static void long_and_strange_values_stay_one_line(void **state)
{
    (void)state;
    char value[4 * FINDING_TEXT_BYTES];
    memset(value, 'x', sizeof value);
    value[0] = '\n';
    value[sizeof value - 1] = '\0';
    struct finding *finding = finding_add(&findings, "CPU", "%s", value);
    assert_true(strlen(finding->value) < FINDING_TEXT_BYTES);
    assert_null(strchr(finding->value, '\n'));
}

static void json_holds_the_remedy_only_where_there_is_one(void **state)
{
    (void)state;
    finding_add(&findings, "zlib", "1.2.13");
    finding_judge(finding_add(&findings, "/dev/shm", "absent"), VERDICT_BAD, "mount it");
    struct json *list = findings_to_json(&findings);
    assert_int_equal(json_length(list), 2);
    assert_null(json_member(json_item(list, 0), "remedy"));
    const struct json *second = json_item(list, 1);
    assert_string_equal(json_text(json_member(second, "remedy")), "mount it");
    assert_string_equal(json_text(json_member(second, "verdict")), "bad");
    json_free(list);
    assert_int_equal(memory_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_finding_is_well_until_judged, start_empty),
        cmocka_unit_test_setup(findings_are_found_by_name, start_empty),
        cmocka_unit_test_setup(long_and_strange_values_stay_one_line, start_empty),
        cmocka_unit_test_setup(json_holds_the_remedy_only_where_there_is_one, start_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
