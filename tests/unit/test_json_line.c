#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/philox.h"
#include "shards/inputs/json_line.h"

static struct strbuf text = STRBUF_INIT, id = STRBUF_INIT;
static struct json_field fields[] = { { .key = "text", .value = &text },
                                      { .key = "id", .value = &id } };

static bool scan(const char *line)
{
    return json_line_scan(line, strlen(line), fields, 2);
}

static void expect_text(const char *line, const char *expected, size_t length)
{
    assert_true(scan(line));
    assert_int_equal(fields[0].kind, JSON_FIELD_STRING);
    assert_int_equal(text.length, length);
    assert_memory_equal(text.bytes, expected, length);
}

static void wanted_fields_are_found_among_others(void **state)
{
    (void)state;
    expect_text(
        "{\"meta\":{\"text\":\"inner\",\"list\":[[],{},[{\"text\":1}]]},\"text\":\"outer\"}",
        "outer", 5);
    expect_text(" {\t\"text\" : \"a\" , \"id\":-12.5e+3 }\r", "a", 1);
    assert_int_equal(fields[1].kind, JSON_FIELD_NUMBER);
    assert_string_equal(id.bytes, "-12.5e+3");
    assert_true(scan("{}"));
    assert_int_equal(fields[0].kind, JSON_FIELD_ABSENT);
    assert_true(scan("{\"text\":null,\"id\":[\"x\"]}"));
    assert_int_equal(fields[0].kind, JSON_FIELD_OTHER);
    assert_int_equal(fields[1].kind, JSON_FIELD_OTHER);
}

static void of_a_key_that_comes_twice_the_last_value_counts(void **state)
{
    (void)state;
    expect_text("{\"text\":\"first\",\"text\":\"last\"}", "last", 4);
    assert_true(scan("{\"text\":\"first\",\"text\":{}}"));
    assert_int_equal(fields[0].kind, JSON_FIELD_OTHER);
}

static void escapes_are_characters(void **state)
{
    (void)state;
    expect_text("{\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t", 8);
    expect_text("{\"text\":\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00!\"}",
                "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!", 11);
    expect_text("{\"text\":\"a\\u0000b\"}", "a\0b", 3);
    expect_text("{\"te\\u0078\\u0074\":\"key\"}", "key", 3);
    expect_text("{\"text\":\"\\ud800\\udc00\\udbff\\udfff\"}", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                8);
}

static void what_is_no_object_by_the_letter_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        " ",
        "1",
        "\"text\"",
        "[]",
        "{",
        "}",
        "{}}",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":-}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":True}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800x\"}",
        "{\"a\":\"\\ud800\\n\"}",
        "{\"a\":\"\\ud800\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"tab\there\"}",
        "{\"a\":\"open}",
        "{\"a\":\"open\\\"}",
        "{\"a\":\"open\\",
        "{\"a\":1}//",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (scan(lines[i]))
            fail_msg("'%s' is no object", lines[i]);
    assert_false(json_line_scan("{\"a\":\"x\0y\"}", 11, fields, 2));
    assert_false(json_line_scan("{}\0", 3, fields, 2));
}

static void numbers_are_those_of_the_grammar(void **state)
{
    (void)state;
    static const char *const numbers[] = { "0",   "-0",   "10",    "1.5",      "-0.0",
                                           "1e5", "1E-5", "0e+10", "123e1234", "0.10E0" };
    struct strbuf line = STRBUF_INIT;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        strbuf_reset(&line);
        strbuf_addf(&line, "{\"id\":%s}", numbers[i]);
        assert_true(scan(line.bytes));
        assert_string_equal(id.bytes, numbers[i]);
    }
    strbuf_release(&line);
}

/* Levels of arrays and objects in turn, the outermost an object. */
static bool scan_levels(int levels)
{
    struct strbuf line = STRBUF_INIT;
    for (int i = 0; i < levels; i++)
        strbuf_add_string(&line, i % 2 ? "[" : "{\"a\":");
    strbuf_add_string(&line, "1");
    for (int i = levels; i-- > 0;)
        strbuf_add_char(&line, i % 2 ? ']' : '}');
    bool good = scan(line.bytes);
    strbuf_release(&line);
    return good;
}

static void a_thousand_levels_are_read_and_no_more(void **state)
{
    (void)state;
    assert_true(scan_levels(JSON_LINE_MAX_DEPTH));
    assert_false(scan_levels(JSON_LINE_MAX_DEPTH + 1));
    assert_false(scan_levels(100000));
}

/* Special characters at every place of the words that are looked at at once. */
static void strings_of_every_length_end_where_they_end(void **state)
{
    (void)state;
    struct strbuf line = STRBUF_INIT, expected = STRBUF_INIT;
    for (int length = 0; length < 40; length++)
        for (int at = 0; at <= length; at++) {
            strbuf_reset(&line);
            strbuf_reset(&expected);
            strbuf_add_string(&line, "{\"text\":\"");
            for (int i = 0; i < length; i++) {
                strbuf_add_string(&line, i == at ? "\\u00ff" : "\x7f");
                strbuf_add_string(&expected, i == at ? "\xc3\xbf" : "\x7f");
            }
            strbuf_add_string(&line, "\"}");
            expect_text(line.bytes, expected.bytes, expected.length);
            for (size_t cut = 0; cut < line.length; cut++)
                assert_false(json_line_scan(line.bytes, cut, fields, 2));
        }
    strbuf_release(&line);
    strbuf_release(&expected);
}

/* What jansson, which knows no fields but all values, thinks of lines with random damage. */
static void verdicts_are_those_of_jansson(void **state)
{
    (void)state;
    static const char whole[] = "{\"id\":[1.5e3,{\"k\\u00e9y\":null}],\"text\":\"a\\ud83d\\ude00\","
                                "\"b\":{\"c\":[true,false,[]]},\"d\":-0.25}";
    static const char bytes[] = "{}[]\",:\\ue+-.0123456789tfn \t";
    struct philox_key key = philox_key(6, RANDOM_TEST);
    for (uint64_t trial = 0; trial < 20000; trial++) {
        char line[sizeof whole];
        memcpy(line, whole, sizeof whole);
        for (uint64_t change = 0; change < 1 + trial % 3; change++) {
            uint64_t random = philox_u64(key, trial, change);
            line[random % (sizeof whole - 1)] = bytes[(random >> 32) % (sizeof bytes - 1)];
        }
        struct json *value;
        bool good = json_parse(line, strlen(line), "line", &value) == STATUS_OK;
        if (!good && strstr(status_message(), "duplicate object key"))
            continue;
        if (!good && strstr(status_message(), "number overflow")) /* the grammar knows no bounds */
            continue;
        if (good && json_kind_of(value) != JSON_KIND_OBJECT)
            fail_msg("'%s'", line);
        json_free(value);
        if (scan(line) != good)
            fail_msg("'%s' is %s", line, good ? "an object" : status_message());
    }
}

static int release(void **state)
{
    (void)state;
    strbuf_release(&text);
    strbuf_release(&id);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted_fields_are_found_among_others),
        cmocka_unit_test(of_a_key_that_comes_twice_the_last_value_counts),
        cmocka_unit_test(escapes_are_characters),
        cmocka_unit_test(what_is_no_object_by_the_letter_is_refused),
        cmocka_unit_test(numbers_are_those_of_the_grammar),
        cmocka_unit_test(a_thousand_levels_are_read_and_no_more),
        cmocka_unit_test(strings_of_every_length_end_where_they_end),
        cmocka_unit_test(verdicts_are_those_of_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
