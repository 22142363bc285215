#include "tests/unit/document_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gzip_sample.h"

static void add_flat(struct strbuf *list, const struct strbuf *text)
{
    for (size_t i = 0; i < text->length; i++)
        strbuf_add_char(list, text->bytes[i] == '\n' ? '|' : text->bytes[i]);
}

static void add_document(struct strbuf *list, const struct document *document,
                         enum reader_verdict verdict)
{
    strbuf_addf(list, "%s ", reader_verdict_names[verdict]);
    add_flat(list, &document->name);
    strbuf_addf(list, " %s ", document->language);
    add_flat(list, &document->text);
    strbuf_add_char(list, '\n');
}

static enum status list_documents(struct document_reader *reader, bool positions,
                                  struct strbuf *list)
{
    struct document document;
    enum reader_verdict verdict;
    enum status status;
    document_init(&document);
    for (;;) {
        int64_t position = document_reader_position(reader);
        status = document_reader_next(reader, &document, &verdict);
        if (status != STATUS_OK || verdict == READER_END)
            break;
        if (positions)
            strbuf_addf(list, "%lld %lld ", (long long)position, (long long)document.number);
        add_document(list, &document, verdict);
    }
    document_release(&document);
    return status;
}

enum status document_sample_list(const char *path, const struct document_rules *rules, int64_t from,
                                 struct strbuf *list)
{
    struct document_reader *reader;
    TRY(document_reader_open(path, rules, &reader));
    enum status status = document_reader_skip_to(reader, from);
    if (status == STATUS_OK)
        status = list_documents(reader, true, list);
    document_reader_close(reader);
    return status;
}

void document_sample_expect(const char *path, const char *text, size_t length,
                            const struct document_rules *rules, const char *expected)
{
    struct document_reader *reader;
    struct strbuf list = STRBUF_INIT;
    sample_write_file(path, text, length);
    assert_int_equal(document_reader_open(path, rules, &reader), STATUS_OK);
    assert_int_equal(list_documents(reader, false, &list), STATUS_OK);
    assert_int_equal(document_reader_position(reader), length);
    document_reader_close(reader);
    assert_string_equal(list.bytes, expected);
    strbuf_release(&list);
}

void document_sample_expect_refused(const char *path, const char *text, size_t length,
                                    const struct document_rules *rules, const char *why)
{
    static const int64_t from[] = { 0, INT64_MAX }; /* read, and passed over */
    struct strbuf list = STRBUF_INIT;
    sample_write_file(path, text, length);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(document_sample_list(path, rules, from[i], &list), STATUS_BAD_INPUT);
        if (!strstr(status_message(), why))
            fail_msg("'%s' does not say '%s'", status_message(), why);
    }
    strbuf_release(&list);
}
