#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libdeflate.h>
#include <string.h>

#include "base/strbuf.h"
#include "shards/inputs/gzip_header.h"

enum { HAS_CHECKSUM = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16 };

/* A header with the parts of `flags`, its checksum included. */
static void make_header(unsigned char flags, struct strbuf *out)
{
    const unsigned char fixed[] = { 0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3 };
    strbuf_reset(out);
    strbuf_add(out, fixed, sizeof fixed);
    if (flags & HAS_EXTRA)
        strbuf_add(out, "\3\0abc", 5);
    if (flags & HAS_NAME)
        strbuf_add(out, "a name", 7);
    if (flags & HAS_COMMENT)
        strbuf_add(out, "a comment", 10);
    if (flags & HAS_CHECKSUM) {
        uint32_t sum = libdeflate_crc32(0, out->bytes, out->length);
        strbuf_add_char(out, (char)sum);
        strbuf_add_char(out, (char)(sum >> 8));
    }
}

/* Reads it in pieces of `piece` bytes, with other bytes behind it. */
static const char *read_header(const struct strbuf *text, size_t piece, size_t *length)
{
    struct gzip_header header = { 0 };
    struct strbuf all = STRBUF_INIT;
    const char *wrong = NULL;
    bool ends = false;
    strbuf_add(&all, text->bytes, text->length);
    strbuf_add(&all, "deflate data follows", 20);
    for (*length = 0; !ends && !wrong && *length < all.length;) {
        size_t left = all.length - *length, used;
        wrong = gzip_header_read(&header, (const unsigned char *)all.bytes + *length,
                                 left < piece ? left : piece, &used, &ends);
        *length += used;
    }
    strbuf_release(&all);
    return wrong;
}

static void headers_end_where_their_parts_end_however_they_are_cut(void **state)
{
    struct strbuf text = STRBUF_INIT;
    size_t length;
    (void)state;
    for (unsigned flags = 0; flags < 32; flags++)
        for (size_t piece = 1; piece < 50; piece++) {
            make_header((unsigned char)flags, &text);
            assert_null(read_header(&text, piece, &length));
            assert_int_equal(length, text.length);
        }
    strbuf_release(&text);
}

static void an_extra_field_may_be_empty(void **state)
{
    struct strbuf text = STRBUF_INIT;
    size_t length;
    (void)state;
    strbuf_add(&text, "\x1f\x8b\x08\x04\0\0\0\0\0\xff\0\0", 12);
    assert_null(read_header(&text, 3, &length));
    assert_int_equal(length, 12);
    strbuf_release(&text);
}

static void what_is_no_header_is_named(void **state)
{
    static const struct {
        size_t place;
        char byte;
        const char *says;
    } cases[] = {
        { 0, 0x1e, "no gzip header" },
        { 1, 0x1e, "no gzip header" },
        { 2, 7, "method" },
        { 3, 0x20, "flags" },
    };
    struct strbuf text = STRBUF_INIT;
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_header(0, &text);
        text.bytes[cases[i].place] = cases[i].byte;
        const char *wrong = read_header(&text, 4, &length);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, cases[i].says));
    }
    strbuf_release(&text);
}

static void a_flipped_bit_under_the_checksum_is_found(void **state)
{
    struct strbuf text = STRBUF_INIT;
    size_t length;
    (void)state;
    for (size_t bit = 8 * 4; bit < 8 * 10; bit++) { /* time and system */
        make_header(HAS_CHECKSUM, &text);
        text.bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_string_equal(read_header(&text, 5, &length), "the checksum of its header is wrong");
    }
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_end_where_their_parts_end_however_they_are_cut),
        cmocka_unit_test(an_extra_field_may_be_empty),
        cmocka_unit_test(what_is_no_header_is_named),
        cmocka_unit_test(a_flipped_bit_under_the_checksum_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
