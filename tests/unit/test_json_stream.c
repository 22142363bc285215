#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/json_stream.h"

static void a_stream_writes_what_the_tree_prints(void **state)
{
    static const char text[] =
        "{\"empty\":{},\"none\":[],\"list\":[1,[\"a\\n\\\"\",\"b\"],{\"x\":null}],"
        "\"last\":true}";
    struct json *tree, *word;
    struct strbuf expected = STRBUF_INIT, out = STRBUF_INIT;
    struct json_stream stream = { .out = &out };
    (void)state;
    assert_int_equal(json_parse(text, strlen(text), "a test", &tree), STATUS_OK);
    assert_int_equal(json_parse("{\"x\":null}", 10, "a test", &word), STATUS_OK);
    json_print(tree, JSON_INDENTED, &expected);

    json_stream_open(&stream, '{');
    json_stream_key(&stream, "empty");
    json_stream_open(&stream, '{');
    json_stream_close(&stream, '}');
    json_stream_key(&stream, "none");
    json_stream_open(&stream, '[');
    json_stream_close(&stream, ']');
    json_stream_key(&stream, "list");
    json_stream_open(&stream, '[');
    json_stream_integer(&stream, 1);
    json_stream_open(&stream, '[');
    json_stream_text(&stream, "a\n\"", 3);
    json_stream_text(&stream, "b", 1);
    json_stream_close(&stream, ']');
    json_stream_value(&stream, word);
    json_stream_close(&stream, ']');
    json_stream_key(&stream, "last");
    json_stream_value(&stream, json_member(tree, "last"));
    json_stream_close(&stream, '}');

    assert_string_equal(out.bytes, expected.bytes);
    json_free(tree);
    json_free(word);
    strbuf_release(&expected);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_writes_what_the_tree_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
