#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/philox.h"

static struct json *parse(const char *text)
{
    struct json *value;
    if (json_parse(text, strlen(text), "test", &value) != STATUS_OK)
        fail_msg("%s", status_message());
    return value;
}

static void assert_printed(const struct json *value, enum json_style style, const char *expected)
{
    struct strbuf text = STRBUF_INIT;
    json_print(value, style, &text);
    assert_string_equal(text.bytes, expected);
    strbuf_release(&text);
}

static void assert_survives(const char *text)
{
    struct json *value = parse(text);
    assert_printed(value, JSON_COMPACT, text);
    json_free(value);
}

static void values_of_every_kind_survive(void **state)
{
    (void)state;
    assert_survives("{\"z\":1,\"a\":[],\"m\":{},\"t\":[true,false,null]}"); /* order is kept */
    assert_survives("[0,-1,9223372036854775807,-9223372036854775808]");
    assert_survives("[0.1,1.0,-0.0,1e-05,1e+22,0.30000000000000004]");
    assert_survives("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\xc3\xbc\xf0\x9f\x98\x80\"");
    assert_survives("{\"\":\"\"}");
}

static void the_indented_style_is_for_people(void **state)
{
    struct json *value = parse("{\"a\":[1,{\"b\":2}],\"c\":[],\"d\":{}}");
    (void)state;
    assert_printed(value, JSON_INDENTED,
                   "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n"
                   "  \"c\": [],\n  \"d\": {}\n}");
    json_free(value);
}

static void every_double_reads_back_to_its_bits(void **state)
{
    struct philox_key key = philox_key(1, RANDOM_TEST);
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        struct strbuf text = STRBUF_INIT;
        struct json *array = json_new_array(), *back;
        uint64_t bits = philox_u64(key, 0, i);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            json_append_number(array, value);
            json_print(array, JSON_COMPACT, &text);
            assert_int_equal(json_parse(text.bytes, text.length, "t", &back), STATUS_OK);
            double read = json_number_of(json_item(back, 0));
            assert_int_equal(json_kind_of(json_item(back, 0)), JSON_KIND_REAL);
            assert_memory_equal(&read, &value, sizeof value);
            json_free(back);
        }
        json_free(array);
        strbuf_release(&text);
    }
}

static void malformed_text_is_refused_with_its_place(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "[01]",
        "[1.]",
        "[+1]",
        "[NaN]",
        "'a'",
        "[1] 2",
        "\"\\x\"",
        "{\"a\":1 \"b\"}",
        "[\"\n\"]",
        "[.5]",
        "nul",
        "[1e999]",
        "[\"\xff\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\\ud800\"]",
        "{\"a\":1,\"a\":2}",
        "{\"a\\u0000\":1}",
        "[9223372036854775808]",
        "[-9223372036854775809]",
    };
    struct json *value;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (json_parse(texts[i], strlen(texts[i]), "a.json", &value) != STATUS_BAD_INPUT)
            fail_msg("accepted: %s", texts[i]);
        assert_null(value);
        assert_memory_equal(status_message(), "cannot read 'a.json' as JSON: line ", 35);
    }
    static const char *const with_nul[] = { "[1]\0    ", "[1\0]    ", "[null\0,1]", "[\"a\0b\"] " };
    for (size_t i = 0; i < sizeof with_nul / sizeof *with_nul; i++) {
        assert_int_equal(json_parse(with_nul[i], 8, "a.json", &value), STATUS_BAD_INPUT);
        assert_null(value);
        assert_non_null(strstr(status_message(), "is NUL"));
    }
}

static void deep_nesting_is_refused(void **state)
{
    enum { LEVELS = 100000 };
    char *text = memory_alloc(LEVELS);
    struct json *value;
    (void)state;
    memset(text, '[', LEVELS);
    assert_int_equal(json_parse(text, LEVELS, "deep", &value), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "depth"));
    memory_free(text);
}

static void what_is_needed_is_named_when_it_is_missing_or_wrong(void **state)
{
    struct json *object = parse("{\"n\":5,\"x\":2.5,\"s\":\"t\",\"b\":true,\"a\":[]}");
    const struct json *member;
    const char *text;
    int64_t integer;
    double number;
    bool truth;
    (void)state;
    assert_int_equal(json_need_integer(object, "n", 0, 5, "c.json", &integer), STATUS_OK);
    assert_int_equal(integer, 5);
    assert_int_equal(json_need_number(object, "n", "c.json", &number), STATUS_OK);
    assert_true(number == 5);
    assert_int_equal(json_need_number(object, "x", "c.json", &number), STATUS_OK);
    assert_true(number == 2.5);
    assert_int_equal(json_need_text(object, "s", "c.json", &text), STATUS_OK);
    assert_string_equal(text, "t");
    assert_int_equal(json_need_bool(object, "b", "c.json", &truth), STATUS_OK);
    assert_true(truth);
    assert_int_equal(json_need_kind(object, "a", JSON_KIND_ARRAY, "c.json", &member), STATUS_OK);

    assert_int_equal(json_need_integer(object, "n", 6, 9, "c.json", &integer), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot use 'c.json': 'n' is 5, outside 6 to 9");
    assert_int_equal(json_need_integer(object, "x", 0, 9, "c.json", &integer), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot use 'c.json': 'x' is a number, not an integer");
    assert_int_equal(json_need_text(object, "y", "c.json", &text), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot use 'c.json': 'y' is missing");
    assert_int_equal(json_need_number(object, "s", "c.json", &number), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot use 'c.json': 's' is a string, not a number");
    assert_int_equal(json_need_bool(json_member(object, "a"), "b", "c.json", &truth),
                     STATUS_BAD_INPUT);
    assert_string_equal(status_message(),
                        "cannot use 'c.json': an object with 'b' is wanted, not an array");
    json_free(object);
}

static void what_json_cannot_hold_is_replaced(void **state)
{
    struct json *object = json_new_object();
    (void)state;
    json_put_text(object, "t", "a\xff\xc3(b");
    json_put_number(object, "n", NAN);
    json_put_number(object, "i", INFINITY);
    json_put(object, "z", json_new_text("a\0b", 3));
    assert_printed(object, JSON_COMPACT,
                   "{\"t\":\"a\xef\xbf\xbd\xef\xbf\xbd(b\",\"n\":null,\"i\":null,"
                   "\"z\":\"a\\u0000b\"}");
    assert_int_equal(json_text_length(json_member(object, "z")), 3);
    json_free(object);
}

static void a_written_file_reads_back(void **state)
{
    char folder[] = "/tmp/eon-test-json-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "a.json");
    struct json *object = json_new_object(), *list = json_new_array(), *back;
    json_append_integer(list, 7);
    json_append_text(list, "x");
    json_put(object, "list", list);
    json_put_bool(object, "yes", true);
    json_put_null(object, "none");
    json_put_integer(object, "n", -3);
    assert_int_equal(json_write(object, path), STATUS_OK);
    assert_int_equal(json_read(path, 1000, &back), STATUS_OK);
    assert_printed(back, JSON_COMPACT, "{\"list\":[7,\"x\"],\"yes\":true,\"none\":null,\"n\":-3}");
    assert_int_equal(json_length(back), 4);
    json_free(back);
    json_free(object);
    assert_int_equal(json_read(path, 10, &back), STATUS_BAD_INPUT);
    assert_null(back);
    assert_int_equal(folder_remove(folder), STATUS_OK);
    memory_free(path);
}

static void flipped_bytes_never_crash(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",{\"b\":null}],\"c\":true}";
    struct philox_key key = philox_key(2, RANDOM_TEST);
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        char broken[sizeof text];
        struct json *value;
        memcpy(broken, text, sizeof text);
        for (uint64_t flip = 0; flip < 1 + i % 3; flip++)
            broken[philox_u64(key, i, 2 * flip) % (sizeof text - 1)] =
                (char)philox_u64(key, i, 2 * flip + 1);
        if (json_parse(broken, sizeof text - 1, "t", &value) == STATUS_OK) {
            struct strbuf out = STRBUF_INIT;
            json_print(value, JSON_INDENTED, &out);
            strbuf_release(&out);
        }
        json_free(value);
    }
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(memory_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_survive),
        cmocka_unit_test(the_indented_style_is_for_people),
        cmocka_unit_test(every_double_reads_back_to_its_bits),
        cmocka_unit_test(malformed_text_is_refused_with_its_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(what_is_needed_is_named_when_it_is_missing_or_wrong),
        cmocka_unit_test(what_json_cannot_hold_is_replaced),
        cmocka_unit_test(a_written_file_reads_back),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(nothing_stays_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
