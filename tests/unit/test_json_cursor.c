#include "base/json_cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

/* Adds what it finds: keys, items and the inner object's members; what is not entered as JSON. */
static enum status walk(struct json_cursor *cursor, struct strbuf *seen)
{
    const char *key;
    bool there_is_one;
    struct json *value;
    TRY(json_cursor_enter(cursor, '{', "the text"));
    for (;;) {
        TRY(json_cursor_next_key(cursor, &key));
        if (key == NULL)
            return json_cursor_end(cursor);
        strbuf_addf(seen, "%s=", key);
        if (strcmp(key, "list") != 0) {
            TRY(json_cursor_value(cursor, &value));
            json_print(value, JSON_COMPACT, seen);
            json_free(value);
            continue;
        }
        TRY(json_cursor_enter(cursor, '[', "'list'"));
        for (;;) {
            TRY(json_cursor_next_item(cursor, &there_is_one));
            if (!there_is_one)
                break;
            TRY(json_cursor_value(cursor, &value));
            json_print(value, JSON_COMPACT, seen);
            strbuf_add_char(seen, ';');
            json_free(value);
        }
    }
}

static enum status walk_text(const char *text, struct strbuf *seen)
{
    struct json_cursor cursor;
    json_cursor_init(&cursor, text, strlen(text), "x.json");
    enum status status = walk(&cursor, seen);
    json_cursor_release(&cursor);
    return status;
}

static void assert_seen(const char *text, const char *expected)
{
    struct strbuf seen = STRBUF_INIT;
    assert_int_equal(walk_text(text, &seen), STATUS_OK);
    assert_string_equal(seen.bytes, expected);
    strbuf_release(&seen);
}

static void members_and_items_come_in_their_order(void **state)
{
    (void)state;
    assert_seen("{}", "");
    assert_seen(" {\n\"a\" : 12 , \"b\":\"x\\u00e9\",\"list\":[ ] }\r\n\t",
                "a=12b=\"x\u00e9\"list=");
    assert_seen("{\"list\":[1,-2.5,\"]\",{\"a\":[1]},[[]],null],\"z\":true}",
                "list=1;-2.5;\"]\";{\"a\":[1]};[[]];null;z=true");
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}{",
        "{\"a\":1}x",
        "{a:1}",
        "{1:1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\\u0000b\":1}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"list\":[1 2]}",
        "{\"list\":[1,]}",
        "{\"list\":[,1]}",
        "{\"list\":[1}",
        "{\"list\":{}}",
        "{\"list\":[1,2",
        "{\"list\":[tru]}",
        "{\"a\":\"\xff\"}",
        "{\"a\":01}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct strbuf seen = STRBUF_INIT;
        if (walk_text(texts[i], &seen) != STATUS_BAD_INPUT)
            fail_msg("'%s' was taken", texts[i]);
        assert_non_null(strstr(status_message(), "x.json"));
        strbuf_release(&seen);
    }
}

static void the_line_of_an_error_is_told(void **state)
{
    (void)state;
    struct strbuf seen = STRBUF_INIT;
    assert_int_equal(walk_text("{\n\"list\": [\n1,\n2\n3]}", &seen), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "line 5: ',' or ']' belongs here"));
    strbuf_release(&seen);
}

static void too_many_members_are_refused(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, seen = STRBUF_INIT;
    strbuf_add_char(&text, '{');
    for (int i = 0; i <= JSON_CURSOR_KEYS; i++)
        strbuf_addf(&text, "%s\"k%d\":0", i ? "," : "", i);
    strbuf_add_char(&text, '}');
    assert_int_equal(walk_text(text.bytes, &seen), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "too many members"));
    strbuf_release(&text);
    strbuf_release(&seen);
}

static int nothing_is_held(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_items_come_in_their_order),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(the_line_of_an_error_is_told),
        cmocka_unit_test(too_many_members_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
