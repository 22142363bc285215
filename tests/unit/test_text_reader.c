#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/philox.h"
#include "shards/inputs/text_reader.h"
#include "shards/inputs/text_source.h"
#include "tests/unit/gzip_sample.h"

static char folder[] = "/tmp/eon-test-text-XXXXXX", *plain_path, *gzip_path;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    plain_path = path_join(folder, "text");
    gzip_path = path_join(folder, "text.gz");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(plain_path);
    memory_free(gzip_path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

/* Letters that deflate cannot shrink to nothing, with a line end now and then. */
static void add_text(struct strbuf *text, uint64_t seed, size_t length)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    for (size_t i = 0; i < length; i++) {
        uint64_t random = philox_u64(key, i, 0);
        strbuf_add_char(text, random % 31 == 0 ? '\n' : (char)('a' + random / 31 % 26));
    }
}

static enum status read_all(const char *path, size_t input_bytes, struct strbuf *text)
{
    struct text_source *source;
    char block[1000];
    size_t length = 1;
    strbuf_reset(text);
    enum status status = text_source_open(path, input_bytes, &source);
    while (status == STATUS_OK && length > 0) {
        status = text_source_read(source, block, sizeof block, &length);
        if (status == STATUS_OK)
            strbuf_add(text, block, length);
    }
    text_source_close(source);
    return status;
}

static void assert_text(const struct strbuf *got, const struct strbuf *expected)
{
    assert_int_equal(got->length, expected->length);
    assert_memory_equal(got->bytes, expected->bytes, expected->length);
}

static void assert_refused(enum status status, const char *why)
{
    assert_int_equal(status, STATUS_BAD_INPUT);
    if (!strstr(status_message(), why))
        fail_msg("'%s' does not say '%s'", status_message(), why);
    assert_null(strchr(status_message(), '\n'));
}

/* ---- documents ---- */

static void expect_documents(const struct text_rules *rules, const char *const *expected)
{
    struct text_reader *reader;
    struct strbuf document = STRBUF_INIT;
    bool found;
    assert_int_equal(text_reader_open(plain_path, rules, &reader), STATUS_OK);
    for (; *expected; expected++) {
        assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
        assert_true(found);
        assert_string_equal(document.bytes, *expected);
    }
    assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
    assert_false(found);
    text_reader_close(reader);
    strbuf_release(&document);
}

static void a_file_without_rules_is_one_document(void **state)
{
    (void)state;
    static const char *const whole[] = { "one\n\ntwo\r\nthree", NULL };
    sample_write_file(plain_path, whole[0], strlen(whole[0]));
    expect_documents(&(struct text_rules){ 0 }, whole);
    expect_documents(&(struct text_rules){ .document_start = "" }, whole);
}

static void an_empty_file_has_no_document(void **state)
{
    (void)state;
    static const char *const none[] = { NULL };
    sample_write_file(plain_path, "", 0);
    expect_documents(&(struct text_rules){ 0 }, none);
}

static void documents_begin_at_the_lines_that_match(void **state)
{
    (void)state;
    static const char text[] = "before\n= A =\na\n= B =\n= C =\nc";
    static const char *const parts[] = { "before\n", "= A =\na\n", "= B =\n", "= C =\nc", NULL };
    sample_write_file(plain_path, text, strlen(text));
    expect_documents(&(struct text_rules){ .document_start = "^= " }, parts);
}

static void long_documents_are_cut_at_a_line_end(void **state)
{
    (void)state;
    static const char text[] = "12345\n1234567890\n1\n2\n# new\n1\n";
    static const char *const parts[] = { "12345\n1234567890\n", "1\n2\n", "# new\n1\n", NULL };
    sample_write_file(plain_path, text, strlen(text));
    expect_documents(&(struct text_rules){ .document_start = "^#", .document_bytes = 8 }, parts);
}

static void separators_stand_between_documents(void **state)
{
    (void)state;
    static const char text[] = "--\n--\na\n--x\n--\r\nb\n\n --\n--\n--\nc\n--";
    static const char *const parts[] = { "a\n--x\n", "b\n\n --\n", "c\n", NULL };
    static const char *const cut[] = { "a\n--x\n", "b\n\n", " --\n", "c\n", NULL };
    sample_write_file(plain_path, text, strlen(text));
    expect_documents(&(struct text_rules){ .separator = "--" }, parts);
    expect_documents(&(struct text_rules){ .separator = "--", .document_bytes = 3 }, cut);
    expect_documents(&(struct text_rules){ .separator = "--", .document_start = "^ " }, cut);
}

static void documents_that_are_passed_over_are_as_long_as_those_read(void **state)
{
    (void)state;
    const struct text_rules rules[] = { { 0 },
                                        { .document_bytes = 700 },
                                        { .document_bytes = 700, .separator = "b" },
                                        { .document_start = "^a" } };
    struct strbuf text = STRBUF_INIT, document = STRBUF_INIT;
    add_text(&text, 5, 300000); /* beyond the window */
    sample_write_file(plain_path, text.bytes, text.length);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct text_reader *reader, *skipper;
        bool found = true, passed;
        assert_int_equal(text_reader_open(plain_path, &rules[i], &reader), STATUS_OK);
        assert_int_equal(text_reader_open(plain_path, &rules[i], &skipper), STATUS_OK);
        while (found) {
            assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
            assert_int_equal(text_reader_next(skipper, NULL, &passed), STATUS_OK);
            assert_int_equal(passed, found);
            assert_int_equal(text_reader_bytes(skipper), text_reader_bytes(reader));
        }
        assert_int_equal(text_reader_bytes(reader), text.length);
        text_reader_close(reader);
        text_reader_close(skipper);
    }
    strbuf_release(&text);
    strbuf_release(&document);
}

static void bytes_of_any_kind_are_handed_on(void **state)
{
    (void)state;
    char text[512];
    for (int i = 0; i < 512; i++)
        text[i] = (char)(i / 2); /* NUL and bytes that are not UTF-8 among them */
    sample_write_file(plain_path, text, sizeof text);

    struct text_reader *reader;
    struct strbuf document = STRBUF_INIT, joined = STRBUF_INIT;
    const struct text_rules rules = { .document_start = "\\x{0b}", .document_bytes = 3 };
    bool found = true;
    assert_int_equal(text_reader_open(plain_path, &rules, &reader), STATUS_OK);
    while (found) {
        assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
        strbuf_add(&joined, document.bytes, document.length);
    }
    assert_int_equal(joined.length, sizeof text);
    assert_memory_equal(joined.bytes, text, sizeof text);
    assert_int_equal(text_reader_bytes(reader), sizeof text);
    text_reader_close(reader);
    strbuf_release(&document);
    strbuf_release(&joined);
}

static void a_bad_pattern_is_refused_with_its_place(void **state)
{
    (void)state;
    struct text_reader *reader;
    const struct text_rules rules = { .document_start = "a(b" };
    sample_write_file(plain_path, "a", 1);
    assert_refused(text_reader_open(plain_path, &rules, &reader), "'a(b': character 3");
    assert_null(reader);
}

static void what_is_no_text_file_is_refused(void **state)
{
    (void)state;
    struct text_reader *reader;
    const struct text_rules rules = { 0 };
    assert_refused(text_reader_open("/nowhere/a.txt", &rules, &reader), "'/nowhere/a.txt'");
    assert_refused(text_reader_open(folder, &rules, &reader), "it is a folder");
    sample_write_file(gzip_path, "plain", 5);
    assert_refused(text_reader_open(gzip_path, &rules, &reader), "does not begin as one");
    sample_write_file(gzip_path, "", 0);
    assert_refused(text_reader_open(gzip_path, &rules, &reader), "does not begin as one");
}

/* ---- gzip ---- */

static void members_at_every_offset_of_the_input_buffer_give_the_same_text(void **state)
{
    (void)state;
    static const size_t input_bytes[] = { 2, 3, 61, 256 };
    struct strbuf text = STRBUF_INIT, file = STRBUF_INIT, got = STRBUF_INIT;
    for (size_t first = 0; first < 420; first++) { /* its member's end moves over 256 and more */
        strbuf_reset(&text);
        strbuf_reset(&file);
        add_text(&text, 1, first + 40);
        gzip_sample_add_member(&file, text.bytes, first);
        gzip_sample_add_member(&file, text.bytes, 0);
        gzip_sample_add_member(&file, text.bytes + first, 40);
        sample_write_file(gzip_path, file.bytes, file.length);
        for (size_t i = 0; i < sizeof input_bytes / sizeof *input_bytes; i++) {
            assert_int_equal(read_all(gzip_path, input_bytes[i], &got), STATUS_OK);
            assert_text(&got, &text);
        }
    }
    strbuf_release(&text);
    strbuf_release(&file);
    strbuf_release(&got);
}

static void a_cut_anywhere_in_the_last_member_is_an_error(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, file = STRBUF_INIT, got = STRBUF_INIT;
    add_text(&text, 2, 500);
    gzip_sample_add_member(&file, text.bytes, 300);
    size_t first_member = file.length;
    gzip_sample_add_member(&file, text.bytes + 300, 200);
    for (size_t length = first_member + 1; length < file.length; length++) {
        char place[64];
        snprintf(place, sizeof place, "truncated at byte %zu", length);
        sample_write_file(gzip_path, file.bytes, length);
        assert_refused(read_all(gzip_path, 64, &got), place);
        snprintf(place, sizeof place, "member that begins at byte %zu", first_member);
        assert_non_null(strstr(status_message(), place));
    }
    strbuf_release(&text);
    strbuf_release(&file);
    strbuf_release(&got);
}

static void what_is_no_member_between_members_is_an_error_with_its_offset(void **state)
{
    (void)state;
    static const char *const garbage[] = { "\0\0\0\0\0\0\0\0", "PK\3\4 and",
                                           "\x1f\x8c\x08\0\0\0\0" };
    struct strbuf text = STRBUF_INIT, file = STRBUF_INIT, got = STRBUF_INIT;
    char place[64];
    add_text(&text, 3, 500);
    for (size_t i = 0; i < 2 * sizeof garbage / sizeof *garbage; i++) {
        strbuf_reset(&file);
        gzip_sample_add_member(&file, text.bytes, text.length);
        snprintf(place, sizeof place, "in the member that begins at byte %zu", file.length);
        strbuf_add(&file, garbage[i / 2], 7);
        if (i % 2)
            gzip_sample_add_member(&file, text.bytes, text.length);
        sample_write_file(gzip_path, file.bytes, file.length);
        assert_refused(read_all(gzip_path, 64, &got), place);
    }
    strbuf_release(&text);
    strbuf_release(&file);
    strbuf_release(&got);
}

/* No checksum covers bytes 4 to 9 of a member (time, extra flags, system), the flag FTEXT, and up
 * to 7 bits that fill deflate's last byte: a flip there may pass, with the text unharmed. */
static void a_flipped_bit_is_an_error_or_changes_no_text(void **state)
{
    (void)state;
    const size_t members = 2, uncovered_bits = members * (6 * 8 + 1 + 7);
    struct strbuf text = STRBUF_INIT, file = STRBUF_INIT, got = STRBUF_INIT;
    size_t passed = 0;
    add_text(&text, 4, 400);
    gzip_sample_add_member(&file, text.bytes, 250);
    gzip_sample_add_member(&file, text.bytes + 250, 150);
    for (size_t bit = 0; bit < 8 * file.length; bit++) {
        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
        sample_write_file(gzip_path, file.bytes, file.length);
        enum status status = read_all(gzip_path, 64, &got);
        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (status == STATUS_OK) {
            passed++;
            assert_text(&got, &text);
        } else {
            assert_int_equal(status, STATUS_BAD_INPUT);
        }
    }
    assert_true(passed <= uncovered_bits);
    strbuf_release(&text);
    strbuf_release(&file);
    strbuf_release(&got);
}

static void a_bomb_is_read_in_bounded_memory(void **state)
{
    (void)state;
    const size_t line = 1 << 20, lines = 64;
    struct strbuf text = STRBUF_INIT, file = STRBUF_INIT, document = STRBUF_INIT;
    strbuf_reserve(&text, line * lines);
    for (size_t i = 0; i < lines; i++) {
        memset(text.bytes + i * line, 'x', line - 1);
        text.bytes[(i + 1) * line - 1] = '\n';
    }
    gzip_sample_add_member(&file, text.bytes, line * lines);
    strbuf_release(&text);
    assert_true(file.length < line * lines / 900);
    sample_write_file(gzip_path, file.bytes, file.length);

    struct text_reader *reader;
    bool found = true;
    assert_int_equal(
        text_reader_open(gzip_path, &(struct text_rules){ .document_bytes = 1000 }, &reader),
        STATUS_OK);
    for (size_t i = 0; i < lines; i++) {
        assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
        assert_int_equal(document.length, line);
    }
    assert_int_equal(text_reader_next(reader, &document, &found), STATUS_OK);
    assert_false(found);
    assert_int_equal(text_reader_bytes(reader), line * lines);
    assert_true(document.capacity < 4 * line);
    text_reader_close(reader);
    strbuf_release(&file);
    strbuf_release(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_rules_is_one_document),
        cmocka_unit_test(an_empty_file_has_no_document),
        cmocka_unit_test(documents_begin_at_the_lines_that_match),
        cmocka_unit_test(long_documents_are_cut_at_a_line_end),
        cmocka_unit_test(separators_stand_between_documents),
        cmocka_unit_test(documents_that_are_passed_over_are_as_long_as_those_read),
        cmocka_unit_test(bytes_of_any_kind_are_handed_on),
        cmocka_unit_test(a_bad_pattern_is_refused_with_its_place),
        cmocka_unit_test(what_is_no_text_file_is_refused),
        cmocka_unit_test(members_at_every_offset_of_the_input_buffer_give_the_same_text),
        cmocka_unit_test(a_cut_anywhere_in_the_last_member_is_an_error),
        cmocka_unit_test(what_is_no_member_between_members_is_an_error_with_its_offset),
        cmocka_unit_test(a_flipped_bit_is_an_error_or_changes_no_text),
        cmocka_unit_test(a_bomb_is_read_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
