#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/document_sample.h"
#include "tests/unit/gzip_sample.h"

static const struct document_rules rules = { .format = FORMAT_WET };
static char folder[] = "/tmp/eon-test-wet-XXXXXX", *path;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "pages");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

#define PAGE(fields, length, text)                                                                 \
    "WARC/1.0\r\nWARC-Type: conversion\r\n" fields "Content-Length: " length "\r\n\r\n" text       \
    "\r\n\r\n"
#define GOOD PAGE("WARC-Target-URI: http://a/\r\n", "5", "hello")
#define INFO "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 3\r\n\r\nx\r\n\r\n\r\n"

static void expect(const char *text, const char *expected)
{
    document_sample_expect(path, text, strlen(text), &rules, expected);
}

static void expect_refused(const char *text, const char *why)
{
    document_sample_expect_refused(path, text, strlen(text), &rules, why);
}

static void records_of_type_conversion_are_documents(void **state)
{
    (void)state;
    expect("", "");
    expect(INFO INFO, "");
    expect(INFO GOOD INFO PAGE("", "7", "a\r\n\r\nbc") INFO,
           "document http://a/  hello\ndocument   a\r|\r|bc\n");
    expect("WARC/1.1\r\nwarc-type:conversion\r\ncontent-LENGTH:\t 1 \r\n\r\nx\r\n\r\n",
           "document   x\n");
}

static void uri_and_first_language_are_taken_from_the_header(void **state)
{
    (void)state;
    expect(PAGE("WARC-Identified-Content-Language: spa,eng\r\nwarc-target-uri: <urn:x:1>\r\n", "1",
                "a"),
           "document urn:x:1 spa a\n");
    expect(PAGE("WARC-Identified-Content-Language: a-language-without-end\r\n", "1", "a"),
           "document   a\n");
    expect(PAGE("WARC-Identified-Content-Language: \x01\r\nWARC-Target-URI: a\xff\r\n", "1", "a"),
           "document a\xef\xbf\xbd  a\n");
}

static void a_line_that_begins_with_white_space_goes_on_with_the_one_before(void **state)
{
    (void)state;
    expect(PAGE("WARC-Target-URI:\r\n http://a/\r\n\t b\r\nX-Other: 1\r\n 2\r\n", "1", "a"),
           "document http://a/ b  a\n");
    expect_refused(PAGE("Content-Type: text\r\nContent-Length: 1\r\n 2\r\n", "1", "a"),
                   "Content-Length more than once");
    expect_refused("WARC/1.0\r\nContent-Length: 1\r\n 2\r\n\r\n", "is no length");
}

static void texts_that_are_empty_or_no_utf8_are_counted(void **state)
{
    (void)state;
    expect(PAGE("", "0", "") PAGE("", "3", " \r\n") PAGE("", "2", "a\xff")
               PAGE("", "2", "\xc3\xa9"),
           "empty   \nempty    \r|\nbad_utf8   a\xff\ndocument   \xc3\xa9\n");
}

static void a_malformed_header_with_a_good_length_is_counted(void **state)
{
    (void)state;
    expect(PAGE("no colon\r\n", "1", "a") GOOD, "bad_record   a\ndocument http://a/  hello\n");
    expect(PAGE("a b: 1\r\n", "1", "a"), "bad_record   a\n");
    expect(PAGE(": 1\r\n", "1", "a"), "bad_record   a\n");
    expect(PAGE("WARC-Type: conversion\r\n", "1", "a"), "bad_record   a\n");
    expect("WARC/1.0\r\n folded\r\nWARC-Type: conversion\r\nContent-Length: 1\r\n\r\na\r\n\r\n",
           "bad_record   a\n");
    expect("WARC/1.0\r\nContent-Length: 1\r\n\r\na\r\n\r\n" GOOD,
           "bad_record   a\ndocument http://a/  hello\n");
    expect("WARC/1.0\r\nbad\r\nWARC-Type: warcinfo\r\nContent-Length: 1\r\n\r\na\r\n\r\n", "");
}

static void a_length_that_cannot_be_trusted_ends_the_reading_with_its_byte(void **state)
{
    (void)state;
    static const char *const lengths[] = { "",
                                           "-1",
                                           "+5",
                                           "0x5",
                                           "5 5",
                                           "5.0",
                                           "1e1",
                                           "5\r",
                                           "abc5",
                                           "5x",
                                           "9223372036854775808",
                                           "18446744073709551617",
                                           "99999999999999999999999999" };
    struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        strbuf_reset(&text);
        strbuf_addf(&text, GOOD "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: %s\r\n\r\n",
                    lengths[i]);
        expect_refused(text.bytes,
                       "in the record that begins at byte 91: its Content-Length is no");
    }
    strbuf_release(&text);
    expect_refused("WARC/1.0\r\nWARC-Type: conversion\r\n\r\na\r\n\r\n", "no Content-Length");
    expect_refused(PAGE("", "9223372036854775807", "a"), "ends before the record does");
    expect_refused(PAGE("", "4", "hello"), "byte 58 of the text, in the record that begins at "
                                           "byte 0: the record does not end there");
    expect_refused(PAGE("", "6", "hello"), "does not end there");
}

static void line_ends_and_versions_are_those_of_the_standard(void **state)
{
    (void)state;
    expect_refused("WARC/1.0\nWARC-Type: conversion\n", "byte 0 of the text");
    expect_refused("WARC/1.0\r\nWARC-Type: conversion\nContent-Length: 0\r\n\r\n\r\n\r\n",
                   "byte 10 of the text, in the record that begins at byte 0: a line of the header "
                   "ends in LF without CR");
    expect_refused("WARC/1.0\r\nContent-Length: 1\r\n\r\na\n\n", "does not end there");
    expect_refused("WARC/0.18\r\n", "no record of WARC 1.0 or 1.1");
    expect_refused("WARC/1.2\r\n", "no record of WARC 1.0 or 1.1");
    expect_refused("<html>\r\n", "no record of WARC 1.0 or 1.1");
    expect_refused(GOOD "\r\n" GOOD, "byte 91 of the text");
    expect_refused("WARC/1.0\r\nContent-Length: 1", "the text ends within the header");
}

static void a_cut_at_any_byte_is_an_error_or_between_records(void **state)
{
    (void)state;
    static const char text[] = INFO GOOD PAGE("", "7", "a\r\n\r\nbc");
    const size_t info = sizeof INFO - 1, good = info + sizeof GOOD - 1, all = sizeof text - 1;
    struct strbuf list = STRBUF_INIT;
    for (size_t cut = 0; cut <= all; cut++) {
        sample_write_file(path, text, cut);
        bool between = cut == 0 || cut == info || cut == good || cut == all;
        for (int64_t from = 0; from <= INT32_MAX; from += INT32_MAX)
            assert_int_equal(document_sample_list(path, &rules, from, &list),
                             between ? STATUS_OK : STATUS_BAD_INPUT);
    }
    strbuf_release(&list);
}

static void a_header_without_end_is_refused_in_bounded_memory(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    strbuf_add_string(&text, "WARC/1.0\r\n");
    while (text.length < 2 << 20)
        strbuf_add_string(&text, "X: a line of a header that has no end\r\n");
    document_sample_expect_refused(path, text.bytes, text.length, &rules, "longer than 1 MiB");
    memset(text.bytes + 10, 'x', text.length - 10);
    document_sample_expect_refused(path, text.bytes, text.length, &rules, "longer than 1 MiB");
    strbuf_release(&text);
}

static void a_page_of_common_crawl_is_read(void **state)
{
    (void)state;
    const char *data = getenv("EON_TEST_DATA");
    char *page = path_join(data ? data : "/nowhere", "commoncrawl-one-page.warc.wet.gz");
    if (!file_exists(page)) {
        memory_free(page);
        skip();
    }
    struct strbuf list = STRBUF_INIT;
    const struct document_rules by_name = { .format = FORMAT_AUTO };
    static const char begin[] = "0 0 document https://an.wikipedia.org/wiki/Escopete spa "
                                "Escopete - Biquipedia";
    assert_int_equal(document_sample_list(page, &by_name, 0, &list), STATUS_OK);
    assert_memory_equal(list.bytes, begin, sizeof begin - 1);
    assert_int_equal(list.length,
                     strlen("0 0 document https://an.wikipedia.org/wiki/Escopete spa ") + 4456 + 1);
    strbuf_release(&list);
    memory_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_type_conversion_are_documents),
        cmocka_unit_test(uri_and_first_language_are_taken_from_the_header),
        cmocka_unit_test(a_line_that_begins_with_white_space_goes_on_with_the_one_before),
        cmocka_unit_test(texts_that_are_empty_or_no_utf8_are_counted),
        cmocka_unit_test(a_malformed_header_with_a_good_length_is_counted),
        cmocka_unit_test(a_length_that_cannot_be_trusted_ends_the_reading_with_its_byte),
        cmocka_unit_test(line_ends_and_versions_are_those_of_the_standard),
        cmocka_unit_test(a_cut_at_any_byte_is_an_error_or_between_records),
        cmocka_unit_test(a_header_without_end_is_refused_in_bounded_memory),
        cmocka_unit_test(a_page_of_common_crawl_is_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
