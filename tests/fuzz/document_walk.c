#include "tests/fuzz/document_walk.h"

#include <stdio.h>

#include "base/utf8.h"
#include "tests/fuzz/fuzz_target.h"

static void check_document(const struct document *document, enum reader_verdict verdict,
                           enum document_format format)
{
    const struct strbuf *text = &document->text, *name = &document->name;
    CHECK(utf8_valid_bytes(name->bytes, name->length) == name->length, "the name is no UTF-8");
    CHECK(name->length <= 3 * DOCUMENT_READER_MAX_NAME, "the name is long");
    CHECK(memchr(document->language, '\0', DOCUMENT_LANGUAGE_BYTES), "the language has no end");
    if (verdict == READER_DOCUMENT && (format == FORMAT_JSONL || format == FORMAT_WET))
        CHECK(utf8_valid_bytes(text->bytes, text->length) == text->length, "the text is no UTF-8");
}

/* "POSITION NUMBER VERDICT NAME LANGUAGE TEXT\n" for each, and the status at the end. */
static enum status list_documents(const char *path, const struct document_rules *rules,
                                  int64_t from, struct strbuf *list)
{
    struct document_reader *reader;
    struct document document;
    enum reader_verdict verdict = READER_DOCUMENT;
    strbuf_reset(list);
    TRY(document_reader_open(path, rules, &reader));
    document_init(&document);
    enum status status = document_reader_skip_to(reader, from);
    while (status == STATUS_OK) {
        long long position = document_reader_position(reader);
        status = document_reader_next(reader, &document, &verdict);
        if (status != STATUS_OK || verdict == READER_END)
            break;
        check_document(&document, verdict, rules->format);
        strbuf_addf(list, "%lld %lld %s %s %s %zu ", position, (long long)document.number,
                    reader_verdict_names[verdict], document.name.bytes, document.language,
                    document.text.length);
        strbuf_add(list, document.text.bytes, document.text.length);
        strbuf_add_char(list, '\n');
    }
    if (status == STATUS_OK) /* the end stays the end */
        CHECK(document_reader_next(reader, &document, &verdict) == STATUS_OK &&
                  verdict == READER_END,
              "a document after the end");
    document_release(&document);
    document_reader_close(reader);
    return status;
}

/* How much of the list lies before the first document at `from` or later. */
static void drop_before(struct strbuf *list, int64_t from, const char *path,
                        const struct document_rules *rules)
{
    struct document_reader *reader;
    struct document document;
    enum reader_verdict verdict = READER_DOCUMENT;
    if (document_reader_open(path, rules, &reader) != STATUS_OK)
        return;
    document_init(&document);
    size_t dropped = 0;
    while (verdict != READER_END && document_reader_position(reader) < from) {
        long long position = document_reader_position(reader);
        if (document_reader_next(reader, &document, &verdict) != STATUS_OK)
            break;
        if (verdict != READER_END)
            dropped +=
                (size_t)snprintf(NULL, 0, "%lld %lld %s %s %s %zu ", position,
                                 (long long)document.number, reader_verdict_names[verdict],
                                 document.name.bytes, document.language, document.text.length) +
                document.text.length + 1;
    }
    memmove(list->bytes, list->bytes + dropped, list->length - dropped + 1);
    list->length -= dropped;
    document_release(&document);
    document_reader_close(reader);
}

void document_walk_check(const uint8_t *text, size_t size, const struct document_rules *rules)
{
    struct strbuf whole = STRBUF_INIT, list = STRBUF_INIT, file = STRBUF_INIT;
    if (size >= 2 && text[0] == 0x1f && text[1] == 0x8b)
        return; /* fuzz_gzip's */
    const char *path = fuzz_file("text", text, size);
    enum status status = list_documents(path, rules, 0, &whole);

    size_t first = fuzz_place(text, size, 1), second = fuzz_place(text, size, 2);
    if (first > second) {
        size_t swapped = first;
        first = second;
        second = swapped;
    }
    fuzz_add_member(&file, text, first);
    fuzz_add_member(&file, text + first, second - first);
    fuzz_add_member(&file, text + second, size - second);
    const char *zipped = fuzz_file("zipped", file.bytes, file.length);
    CHECK(list_documents(zipped, rules, 0, &list) == status, "gzip ends otherwise: %s",
          status_message());
    fuzz_check_equal(&whole, &list, "documents from gzip");

    int64_t from = (int64_t)fuzz_place(text, size, 3);
    CHECK(list_documents(path, rules, from, &list) == status, "skipping ends otherwise: %s",
          status_message());
    if (status == STATUS_OK) {
        drop_before(&whole, from, path, rules);
        fuzz_check_equal(&whole, &list, "documents after skipping");
    }
    strbuf_release(&whole);
    strbuf_release(&list);
    strbuf_release(&file);
}
