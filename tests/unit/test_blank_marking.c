#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/blank_marking.h"

#define MARK BLANK_MARK

static void assert_marked(enum blank_stage stage, enum blank_prefix prefix, const char *text,
                          const char *expected)
{
    const struct blank_marking marking = { .stage = stage, .prefix = prefix };
    struct strbuf out = STRBUF_INIT;
    blank_marking_mark(&marking, text, strlen(text), &out);
    assert_string_equal(out.bytes, expected);
    strbuf_release(&out);
}

static void a_normalizer_puts_a_blank_before_every_text_but_the_empty_one(void **state)
{
    (void)state;
    assert_marked(BLANK_NORMALIZER, BLANK_ALWAYS, "", "");
    assert_marked(BLANK_NORMALIZER, BLANK_ALWAYS, "a", " a");
    assert_marked(BLANK_NORMALIZER, BLANK_ALWAYS, " a", "  a");
    assert_marked(BLANK_NORMALIZER, BLANK_ALWAYS, MARK "a", "  a");
    assert_marked(BLANK_NORMALIZER, BLANK_NEVER, "a", "a");
}

static void metaspace_puts_a_blank_only_where_none_is(void **state)
{
    (void)state;
    for (enum blank_prefix prefix = BLANK_FIRST; prefix <= BLANK_ALWAYS; prefix++) {
        assert_marked(BLANK_METASPACE, prefix, "", "");
        assert_marked(BLANK_METASPACE, prefix, "a", " a");
        assert_marked(BLANK_METASPACE, prefix, " a", " a");
        assert_marked(BLANK_METASPACE, prefix, MARK, " ");
        assert_marked(BLANK_METASPACE, prefix, "\xe2\x96", " \xe2\x96");
        assert_marked(BLANK_METASPACE, prefix, "\n a", " \n a");
    }
    assert_marked(BLANK_METASPACE, BLANK_NEVER, "a", "a");
}

static void a_mark_is_a_blank_and_nothing_like_it_is(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    static const char text[] = "\xe2" MARK "a\xe2\x96\x80" MARK MARK "\xe2\x96";
    blank_marks_read(text, strlen(text), &out);
    assert_string_equal(out.bytes, "\xe2 a\xe2\x96\x80  \xe2\x96");
    strbuf_reset(&out);
    blank_marks_write(" a  b", 5, &out);
    assert_string_equal(out.bytes, MARK "a" MARK MARK "b");
    strbuf_release(&out);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_normalizer_puts_a_blank_before_every_text_but_the_empty_one),
        cmocka_unit_test(metaspace_puts_a_blank_only_where_none_is),
        cmocka_unit_test(a_mark_is_a_blank_and_nothing_like_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
