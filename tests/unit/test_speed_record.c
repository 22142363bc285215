/* speed.json comes back as it was, and one that makes no sense does not come in. */
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

static enum status read_back(struct json *value, struct speed_record *record)
{
    enum status status = speed_record_from_json(value, "speed.json", record);
    json_free(value);
    return status;
}

static struct json *valid(void)
{
    const struct speed_record record = speed_sample(4, 2, 1 << 20, 12345.678);
    return speed_record_to_json(&record);
}

static void assert_refused(struct json *value, const char *why)
{
    struct speed_record record;
    assert_int_equal(read_back(value, &record), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), why));
}

static void json_brings_back_the_same_record(void **state)
{
    (void)state;
    struct speed_record record;
    assert_int_equal(read_back(valid(), &record), STATUS_OK);
    struct json *again = speed_record_to_json(&record), *first = valid();
    struct strbuf left = STRBUF_INIT, right = STRBUF_INIT;
    json_print(first, JSON_COMPACT, &left);
    json_print(again, JSON_COMPACT, &right);
    assert_string_equal(left.bytes, right.bytes);
    assert_non_null(strstr(left.bytes, "\"joules_per_token\":null"));
    strbuf_release(&left);
    strbuf_release(&right);
    json_free(first);
    json_free(again);
}

static void the_file_is_replaced_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_speed_record.XXXXXX";
    struct speed_record first = speed_sample(1, 2, 4096, 10), second = speed_sample(2, 2, 4096, 20);
    struct speed_record back;
    struct name_list names;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(speed_record_write(&first, folder), STATUS_OK);
    assert_int_equal(speed_record_write(&second, folder), STATUS_OK);
    assert_int_equal(speed_record_read(folder, &back), STATUS_OK);
    assert_true(back.tokens_per_second == 20 && back.nodes == 2);
    assert_int_equal(folder_list(folder, &names), STATUS_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.names[0], SPEED_FILE);
    name_list_release(&names);
    assert_int_equal(folder_remove(folder), STATUS_OK);
}

static void every_member_is_needed(void **state)
{
    (void)state;
    struct json *whole = valid();
    void *cursor = NULL, *other;
    const char *missing, *key;
    const struct json *value;
    while (json_next_member(whole, &cursor, &missing, &value)) {
        struct json *without = json_new_object();
        for (other = NULL; json_next_member(whole, &other, &key, &value);)
            if (strcmp(key, missing) != 0)
                json_put(without, key, json_duplicate(value));
        assert_refused(without, missing);
    }
    json_free(whole);
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        double value;
    } wrong[] = { { "tokens_per_second", 0 },      { "tokens_per_second", -1 },
                  { "exposed_communication", 2 },  { "imbalance", -0.5 },
                  { "step_seconds_median", 1e31 }, { "joules_per_token", -1 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct json *value = valid();
        json_put_number(value, wrong[i].key, wrong[i].value);
        assert_refused(value, wrong[i].key);
    }
    struct json *value = valid();
    json_put_null(value, "mfu");
    assert_refused(value, "mfu");
}

static void counts_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
        const char *why;
    } wrong[] = { { "nodes", 5, "4 ranks are not on 5 nodes" },
                  { "nodes", 3, "4 ranks are not on 3 nodes" },
                  { "cores", 3, "do not have 3 in all" },
                  { "cores", 9, "do not have 9 in all" },
                  { "ranks", 0, "ranks" },
                  { "ranks", INT64_MAX, "ranks" },
                  { "format_version", 2, "version 2" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct json *value = valid();
        json_put_integer(value, wrong[i].key, wrong[i].value);
        assert_refused(value, wrong[i].why);
    }
    struct json *value = valid();
    json_put_number(value, "step_seconds_lower_quartile", 1.6);
    assert_refused(value, "out of order");
}

static void texts_that_are_no_line_are_refused(void **state)
{
    (void)state;
    char endless[4096];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *const wrong[] = { "two\nlines", "\x1b[2J", endless };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct json *value = valid();
        json_put_text(value, "cpu", wrong[i]);
        assert_refused(value, "'cpu' is not a short line of text");
    }
}

static void records_differ_in_settings_and_not_in_size(void **state)
{
    (void)state;
    struct speed_record one = speed_sample(1, 2, 4096, 10), other = speed_sample(8, 4, 8192, 70);
    assert_true(speed_record_same_settings(&one, &other));
    strcpy(other.precision, "fp32");
    assert_false(speed_record_same_settings(&one, &other));
    strcpy(other.precision, one.precision);
    other.groups = 2;
    assert_false(speed_record_same_settings(&one, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_brings_back_the_same_record),
        cmocka_unit_test(the_file_is_replaced_whole),
        cmocka_unit_test(every_member_is_needed),
        cmocka_unit_test(numbers_out_of_bounds_are_refused),
        cmocka_unit_test(counts_that_contradict_each_other_are_refused),
        cmocka_unit_test(texts_that_are_no_line_are_refused),
        cmocka_unit_test(records_differ_in_settings_and_not_in_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
