#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/document_sample.h"
#include "tests/unit/gzip_sample.h"

static const struct document_rules by_name = { .format = FORMAT_AUTO },
                                   jsonl = { .format = FORMAT_JSONL };
static char folder[] = "/tmp/eon-test-documents-XXXXXX", *path;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "documents");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static void expect(const char *text, const char *expected)
{
    document_sample_expect(path, text, strlen(text), &jsonl, expected);
}

/* ---- jsonl ---- */

static void lines_are_documents(void **state)
{
    (void)state;
    expect("", "");
    expect("{\"text\":\"a\\nb\",\"url\":\"u\",\"id\":\"i\"}\n{\"id\":\"i\",\"text\":\"c\"}\r\n"
           "{\"text\":\"d\",\"id\":17}\n{\"text\":\"e\",\"url\":\"\",\"id\":null}",
           "document u  a|b\ndocument i  c\ndocument 17  d\ndocument   e\n");
    expect("\xef\xbb\xbf{\"text\":\"a\"}\n\n \t\r\n{\"text\":\"b\"}\n\n",
           "document   a\ndocument   b\n");
}

static void other_fields_may_be_named(void **state)
{
    (void)state;
    static const char text[] = "{\"text\":\"t\",\"body\":\"b\",\"n\":1,\"link\":\"l\"}\n"
                               "{\"n\":1,\"body\":\"b\"}";
    const struct document_rules named = {
        .format = FORMAT_JSONL, .text_field = "body", .id_field = "n", .url_field = "link"
    };
    document_sample_expect(path, text, strlen(text), &named, "document l  b\ndocument 1  b\n");

    char long_name[300] = { 0 };
    memset(long_name, 'x', sizeof long_name - 1);
    const struct document_rules wrong = { .format = FORMAT_JSONL, .text_field = long_name };
    struct document_reader *reader;
    assert_int_equal(document_reader_open(path, &wrong, &reader), STATUS_BAD_INPUT);
    assert_null(reader);
}

static void bad_lines_are_counted_with_their_reason(void **state)
{
    (void)state;
    expect("{\"text\":\"a\"}\n[]\n{\"text\":1}\n{}\n{\"text\":\"\xff\"}\n{\"text\":\" \\t\"}\n"
           "{\"text\":\"\\ud800\"}\nnull\n{\"text\":\"b\"}\n",
           "document   a\nbad_json   []|\nno_text   {\"text\":1}|\nno_text   {}|\n"
           "bad_utf8   {\"text\":\"\xff\"}|\nempty    \t\nbad_json   {\"text\":\"\\ud800\"}|\n"
           "bad_json   null|\ndocument   b\n");
}

static void raw_nul_is_no_json_and_an_escaped_one_is_text(void **state)
{
    (void)state;
    static const char text[] = "{\"text\":\"a\0b\"}\n\0\n{\"text\":\"a\\u0000b\"}\n";
    struct strbuf list = STRBUF_INIT;
    sample_write_file(path, text, sizeof text - 1);
    assert_int_equal(document_sample_list(path, &jsonl, 0, &list), STATUS_OK);
    static const char expected[] = "0 0 bad_json   {\"text\":\"a\0b\"}|\n15 1 bad_json   \0|\n"
                                   "17 2 document   a\0b\n";
    assert_int_equal(list.length, sizeof expected - 1);
    assert_memory_equal(list.bytes, expected, list.length);
    strbuf_release(&list);
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, expected = STRBUF_INIT;
    strbuf_add_string(&text, "{\"text\":\"a\",\"url\":\"x");
    strbuf_add_string(&expected, "document x");
    for (int i = 0; i < 5000; i++)
        strbuf_add_string(&text, "\xe2\x82\xac");
    for (size_t i = 0; i < (DOCUMENT_READER_MAX_NAME - 1) / 3; i++)
        strbuf_add_string(&expected, "\xe2\x82\xac");
    strbuf_add_string(&text, "\"}");
    strbuf_add_string(&expected, "  a\n");
    expect(text.bytes, expected.bytes);
    strbuf_release(&text);
    strbuf_release(&expected);
}

static void a_line_of_100_000_levels_is_rejected(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    strbuf_add_string(&text, "{\"text\":\"a\",\"b\":");
    for (int i = 0; i < 100000; i++)
        strbuf_add_char(&text, '[');
    strbuf_add_string(&text, "\n{\"text\":\"b\"}");
    sample_write_file(path, text.bytes, text.length);
    strbuf_reset(&text);
    assert_int_equal(document_sample_list(path, &jsonl, 0, &text), STATUS_OK);
    assert_non_null(strstr(text.bytes, "0 0 bad_json   {\"text\":\"a\",\"b\":[[["));
    assert_non_null(strstr(text.bytes, "\n100017 1 document   b\n"));
    strbuf_release(&text);
}

/* ---- any format ---- */

static const char three_lines[] =
    "{\"text\":\"one\",\"id\":1}\n\n{\"text\":1}\r\n{\"text\":\"three\"}\n";
static const char three_records[] =
    "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 3\r\n\r\nx\r\n\r\n\r\n"
    "WARC/1.0\r\nContent-Length: 3\r\n\r\n\r\na\r\n\r\n"
    "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a/\r\n"
    " b\r\nContent-Length: 7\r\n\r\nb\r\n\r\n b\r\n\r\n";
static const char four_paragraphs[] = "= a\nb\n--\n\n--\n= c\r\nd\n= e\n";

static const struct format_case {
    const char *text;
    struct document_rules rules;
} cases[] = {
    { three_lines, { .format = FORMAT_JSONL } },
    { three_records, { .format = FORMAT_WET } },
    { four_paragraphs, { .format = FORMAT_TEXT } },
    { four_paragraphs, { .format = FORMAT_TEXT, .text = { .document_bytes = 3 } } },
    { four_paragraphs,
      { .format = FORMAT_TEXT, .text = { .document_start = "^=", .separator = "--" } } },
};
enum { CASES = sizeof cases / sizeof *cases };

/* Reading of a gzip file stops at each member's end, so that every pair of neighbouring bytes is
 * once split between two reads. */
static void members_that_end_anywhere_give_the_same_documents(void **state)
{
    (void)state;
    struct strbuf whole = STRBUF_INIT, list = STRBUF_INIT, file = STRBUF_INIT;
    for (int i = 0; i < CASES; i++) {
        size_t length = strlen(cases[i].text);
        strbuf_reset(&whole);
        sample_write_file(path, cases[i].text, length);
        assert_int_equal(document_sample_list(path, &cases[i].rules, 0, &whole), STATUS_OK);
        for (size_t cut = 0; cut <= length; cut++) {
            strbuf_reset(&file);
            strbuf_reset(&list);
            gzip_sample_add_member(&file, cases[i].text, cut);
            gzip_sample_add_member(&file, "", 0);
            gzip_sample_add_member(&file, cases[i].text + cut, length - cut);
            sample_write_file(path, file.bytes, file.length);
            assert_int_equal(document_sample_list(path, &cases[i].rules, 0, &list), STATUS_OK);
            assert_string_equal(list.bytes, whole.bytes);
        }
    }
    strbuf_release(&whole);
    strbuf_release(&list);
    strbuf_release(&file);
}

static void from_any_position_the_documents_and_their_numbers_are_those_of_reading(void **state)
{
    (void)state;
    struct strbuf whole = STRBUF_INIT, list = STRBUF_INIT;
    for (int i = 0; i < CASES; i++) {
        int64_t length = (int64_t)strlen(cases[i].text);
        strbuf_reset(&whole);
        sample_write_file(path, cases[i].text, (size_t)length);
        assert_int_equal(document_sample_list(path, &cases[i].rules, 0, &whole), STATUS_OK);
        for (int64_t from = 0; from <= length + 1; from++) {
            const char *rest = whole.bytes;
            while (*rest && atoll(rest) < from)
                rest = strchr(rest, '\n') + 1;
            strbuf_reset(&list);
            assert_int_equal(document_sample_list(path, &cases[i].rules, from, &list), STATUS_OK);
            assert_string_equal(list.bytes, rest);
        }
    }
    strbuf_release(&whole);
    strbuf_release(&list);
}

static void damage_to_gzip_is_an_error_in_every_format(void **state)
{
    (void)state;
    struct strbuf list = STRBUF_INIT, file = STRBUF_INIT;
    for (int i = 0; i < CASES; i++) {
        strbuf_reset(&file);
        gzip_sample_add_member(&file, cases[i].text, strlen(cases[i].text));
        for (size_t cut = 2; cut < file.length; cut++) {
            sample_write_file(path, file.bytes, cut);
            assert_int_equal(document_sample_list(path, &cases[i].rules, 0, &list),
                             STATUS_BAD_INPUT);
            assert_int_equal(document_sample_list(path, &cases[i].rules, INT64_MAX, &list),
                             STATUS_BAD_INPUT);
        }
        strbuf_add_string(&file, "garbage");
        sample_write_file(path, file.bytes, file.length);
        assert_int_equal(document_sample_list(path, &cases[i].rules, 0, &list), STATUS_BAD_INPUT);
    }
    strbuf_release(&list);
    strbuf_release(&file);
}

static void expect_format(const char *name, const char *text, const char *expected)
{
    char *file = path_join(folder, name);
    document_sample_expect(file, text, strlen(text), &by_name, expected);
    memory_free(file);
}

static void the_format_is_found_by_name_and_by_the_first_bytes(void **state)
{
    (void)state;
    static const char line[] = "{\"text\":\"a\"}",
                      record[] = "WARC/1.0\r\nContent-Length: 1\r\n\r\na\r\n\r\n";
    expect_format("a.jsonl", line, "document   a\n");
    expect_format("a.ndjson", line, "document   a\n");
    expect_format("a.json", line, "document   a\n");
    expect_format("a.txt", line, "document   {\"text\":\"a\"}\n");
    expect_format("a", line, "document   {\"text\":\"a\"}\n");
    expect_format("a.warc.wet", record, "bad_record   a\n");
    expect_format("a.wet", record, "bad_record   a\n");
    expect_format("jsonl", record, "bad_record   a\n");
    expect_format("a.txt", record, "document   WARC/1.0\r|Content-Length: 1\r|\r|a\r|\r|\n");
    expect_format("b", "WARC/1", "document   WARC/1\n");

    struct strbuf file = STRBUF_INIT, list = STRBUF_INIT;
    char *zipped = path_join(folder, "a.jsonl.gz");
    gzip_sample_add_member(&file, line, strlen(line));
    sample_write_file(zipped, file.bytes, file.length);
    assert_int_equal(document_sample_list(zipped, &by_name, 0, &list), STATUS_OK);
    assert_string_equal(list.bytes, "0 0 document   a\n");
    memory_free(zipped);
    strbuf_release(&file);
    strbuf_release(&list);
}

static void a_dash_is_standard_input(void **state)
{
    (void)state;
    struct strbuf list = STRBUF_INIT;
    sample_write_file(path, three_lines, strlen(three_lines));
    int kept = dup(STDIN_FILENO), file = open(path, O_RDONLY);
    assert_int_equal(dup2(file, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(document_sample_list("-", &jsonl, 0, &list), STATUS_OK);
    assert_non_null(strstr(list.bytes, "2 document   three\n"));
    assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_SET), 0); /* it is still open */
    sample_write_file(path, "\x1f\x8b", 2);
    assert_int_equal(document_sample_list("-", &jsonl, 0, &list), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'standard input'"));
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(file);
    strbuf_release(&list);
}

/* ---- more than is held ---- */

static long peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

/* `before`, `count` letters in members of 16 MiB (1000 to 1), `after`. */
static void write_bomb(const char *before, int64_t count, const char *after)
{
    const size_t step = 16 << 20;
    struct strbuf file = STRBUF_INIT, member = STRBUF_INIT;
    char *letters = memory_alloc(step);
    memset(letters, 'x', step);
    gzip_sample_add_member(&member, letters, step);
    gzip_sample_add_member(&file, before, strlen(before));
    for (; count >= (int64_t)step; count -= (int64_t)step)
        strbuf_add(&file, member.bytes, member.length);
    gzip_sample_add_member(&file, letters, (size_t)count);
    gzip_sample_add_member(&file, after, strlen(after));
    sample_write_file(path, file.bytes, file.length);
    memory_free(letters);
    strbuf_release(&file);
    strbuf_release(&member);
}

static void expect_too_long(const struct document_rules *rules)
{
    struct document_reader *reader;
    struct document document;
    enum reader_verdict verdict;
    document_init(&document);
    assert_int_equal(document_reader_open(path, rules, &reader), STATUS_OK);
    assert_int_equal(document_reader_next(reader, &document, &verdict), STATUS_OK);
    assert_int_equal(verdict, READER_REJECTS_LONG);
    assert_int_equal(document.text.length, DOCUMENT_READER_MAX_KEPT);
    assert_int_equal(document_reader_next(reader, &document, &verdict), STATUS_OK);
    assert_int_equal(verdict, READER_DOCUMENT);
    assert_string_equal(document.text.bytes, "b");
    assert_int_equal(document.number, 1);
    assert_int_equal(document_reader_next(reader, &document, &verdict), STATUS_OK);
    assert_int_equal(verdict, READER_END);
    document_reader_close(reader);
    document_release(&document);
}

static void what_is_longer_than_is_held_is_rejected_in_bounded_memory(void **state)
{
    (void)state;
    const int64_t length = (int64_t)600 << 20;
    const struct document_rules wet = { .format = FORMAT_WET };
    long before = peak_bytes();
    write_bomb("WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 629145600\r\n\r\n", length,
               "\r\n\r\nWARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 1\r\n\r\nb\r\n\r\n");
    expect_too_long(&wet);
    assert_true(peak_bytes() - before < (long)128 << 20);

    write_bomb("{\"text\":\"", length, "\"}\n{\"text\":\"b\"}");
    expect_too_long(&jsonl);
    assert_true(peak_bytes() - before < (long)(DOCUMENT_READER_MAX_HELD + (128 << 20)));
}

static void a_line_of_100_megabytes_is_a_document(void **state)
{
    (void)state;
    const int64_t length = (int64_t)100 << 20;
    struct document_reader *reader;
    struct document document;
    enum reader_verdict verdict;
    document_init(&document);
    write_bomb("{\"text\":\"", length, "\"}");
    assert_int_equal(document_reader_open(path, &jsonl, &reader), STATUS_OK);
    assert_int_equal(document_reader_next(reader, &document, &verdict), STATUS_OK);
    assert_int_equal(verdict, READER_DOCUMENT);
    assert_int_equal(document.text.length, length);
    document_reader_close(reader);
    document_release(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_documents),
        cmocka_unit_test(other_fields_may_be_named),
        cmocka_unit_test(bad_lines_are_counted_with_their_reason),
        cmocka_unit_test(raw_nul_is_no_json_and_an_escaped_one_is_text),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(a_line_of_100_000_levels_is_rejected),
        cmocka_unit_test(members_that_end_anywhere_give_the_same_documents),
        cmocka_unit_test(from_any_position_the_documents_and_their_numbers_are_those_of_reading),
        cmocka_unit_test(damage_to_gzip_is_an_error_in_every_format),
        cmocka_unit_test(the_format_is_found_by_name_and_by_the_first_bytes),
        cmocka_unit_test(a_dash_is_standard_input),
        cmocka_unit_test(what_is_longer_than_is_held_is_rejected_in_bounded_memory),
        cmocka_unit_test(a_line_of_100_megabytes_is_a_document),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
