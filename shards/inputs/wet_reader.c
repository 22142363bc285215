/* wet: the extracted text of web pages, as Common Crawl publishes it. WARC 1.0 and 1.1 (ISO 28500):
 *
 *   WARC/1.0 CRLF
 *   WARC-Type: conversion CRLF           fields in any order, their names in any case; a line that
 *   WARC-Target-URI: http://... CRLF     begins with white space goes on with the one before
 *   Content-Length: 4456 CRLF
 *   CRLF
 *   4456 bytes of text CRLF CRLF
 *
 * Only Content-Length says where the next record begins: without one that can be trusted the rest
 * of the file is lost, and said to be. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/inputs/document_format.h"

#define MAX_HEADER_BYTES ((size_t)1 << 20)

enum wet_field {
    WET_TYPE,
    WET_LENGTH,
    WET_URI,
    WET_LANGUAGE,
    WET_FIELD_COUNT,
    WET_OTHER,
    WET_NONE
};

static const char *const field_names[WET_FIELD_COUNT] = {
    [WET_TYPE] = "WARC-Type",
    [WET_LENGTH] = "Content-Length",
    [WET_URI] = "WARC-Target-URI",
    [WET_LANGUAGE] = "WARC-Identified-Content-Language",
};

struct wet_reader {
    struct text_window window;
    int64_t record; /* where it begins */
    struct strbuf fields[WET_FIELD_COUNT];
    int field_counts[WET_FIELD_COUNT];
    enum wet_field last; /* whose value a folded line goes on with */
    bool malformed;
};

static void wet_close(void *state)
{
    struct wet_reader *reader = state;
    text_window_release(&reader->window);
    for (int i = 0; i < WET_FIELD_COUNT; i++)
        strbuf_release(&reader->fields[i]);
    memory_free(reader);
}

static enum status wet_open(struct text_window *window, const struct document_rules *rules,
                            void **state)
{
    (void)rules;
    struct wet_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->window = *window;
    for (int i = 0; i < WET_FIELD_COUNT; i++)
        strbuf_init(&reader->fields[i]);
    *state = reader;
    return STATUS_OK;
}

static int64_t wet_position(const void *state)
{
    return ((const struct wet_reader *)state)->window.offset;
}

static enum status refuse(const struct wet_reader *reader, const char *why)
{
    return bad_input("cannot read '%s' as wet: byte %lld of the text, in the record that begins at "
                     "byte %lld: %s",
                     text_window_name(&reader->window), (long long)reader->window.offset,
                     (long long)reader->record, why);
}

/* ---- the header ---- */

/* A line of the header, *length bytes without its CR LF, which are in sight after them. */
static enum status find_header_line(struct wet_reader *reader, size_t *length)
{
    struct text_window *window = &reader->window;
    size_t left = MAX_HEADER_BYTES - (size_t)(window->offset - reader->record);
    bool whole;
    TRY(text_window_find_line(window, left, length, &whole));
    if (!whole)
        return refuse(reader, "the header is longer than 1 MiB");
    const char *line = text_window_bytes(window);
    if (*length == 0 || line[*length - 1] != '\n')
        return refuse(reader, "the text ends within the header");
    if (*length < 2 || line[*length - 2] != '\r')
        return refuse(reader, "a line of the header ends in LF without CR");
    *length -= 2;
    return STATUS_OK;
}

static enum status read_version(struct wet_reader *reader)
{
    size_t length;
    TRY(find_header_line(reader, &length));
    const char *line = text_window_bytes(&reader->window);
    if (length != 8 || (memcmp(line, "WARC/1.0", 8) != 0 && memcmp(line, "WARC/1.1", 8) != 0))
        return refuse(reader, "no record of WARC 1.0 or 1.1 begins there");
    text_window_use(&reader->window, length + 2);
    return STATUS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Appends without the white space at both ends. */
static void add_trimmed(struct strbuf *out, const char *text, size_t length)
{
    while (length > 0 && is_space(text[length - 1]))
        length--;
    while (length > 0 && is_space(*text))
        text++, length--;
    strbuf_add(out, text, length);
}

static void add_folded(struct strbuf *value, const char *line, size_t length)
{
    if (value->length > 0)
        strbuf_add_char(value, ' ');
    add_trimmed(value, line, length);
}

/* A token of RFC 7230, section 3.2.6. */
static bool is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!letter && (c <= ' ' || c > '~' || strchr("()<>@,;:\\\"/[]?={}", c)))
            return false;
    }
    return length > 0;
}

static enum wet_field field_of(const char *name, size_t length)
{
    int i = 0;
    while (i < WET_FIELD_COUNT &&
           (strlen(field_names[i]) != length || strncasecmp(field_names[i], name, length) != 0))
        i++;
    return i < WET_FIELD_COUNT ? (enum wet_field)i : WET_OTHER;
}

static void read_field(struct wet_reader *reader, const char *line, size_t length)
{
    if (is_space(*line)) {
        reader->malformed |= reader->last == WET_NONE;
        if (reader->last < WET_FIELD_COUNT)
            add_folded(&reader->fields[reader->last], line, length);
        return;
    }
    const char *colon = memchr(line, ':', length);
    size_t name = colon ? (size_t)(colon - line) : 0;
    reader->last = WET_OTHER;
    if (!is_name(line, name)) {
        reader->malformed = true;
        return;
    }
    reader->last = field_of(line, name);
    if (reader->last == WET_OTHER)
        return;
    reader->malformed |= ++reader->field_counts[reader->last] > 1;
    add_trimmed(&reader->fields[reader->last], colon + 1, length - name - 1);
}

/* Digits alone, none of them lost to an overflow. */
static enum status read_length(const struct wet_reader *reader, int64_t *length)
{
    const struct strbuf *text = &reader->fields[WET_LENGTH];
    if (reader->field_counts[WET_LENGTH] != 1)
        return refuse(reader, reader->field_counts[WET_LENGTH] == 0
                                  ? "the header has no Content-Length"
                                  : "the header has Content-Length more than once");
    *length = 0;
    bool good = text->length > 0;
    for (size_t i = 0; i < text->length && good; i++)
        good = text->bytes[i] >= '0' && text->bytes[i] <= '9' &&
               !__builtin_mul_overflow(*length, 10, length) &&
               !__builtin_add_overflow(*length, text->bytes[i] - '0', length);
    return good ? STATUS_OK : refuse(reader, "its Content-Length is no length");
}

static enum status read_header(struct wet_reader *reader, int64_t *content)
{
    reader->record = reader->window.offset;
    reader->last = WET_NONE;
    reader->malformed = false;
    for (int i = 0; i < WET_FIELD_COUNT; i++) {
        strbuf_reset(&reader->fields[i]);
        reader->field_counts[i] = 0;
    }
    TRY(read_version(reader));
    for (;;) {
        size_t length;
        TRY(find_header_line(reader, &length));
        if (length > 0)
            read_field(reader, text_window_bytes(&reader->window), length);
        text_window_use(&reader->window, length + 2);
        if (length == 0)
            return read_length(reader, content);
    }
}

/* ---- the text ---- */

/* Common Crawl lists languages by their share of the text, the largest first. */
static void set_language(const struct wet_reader *reader, struct document *document)
{
    const char *list = reader->fields[WET_LANGUAGE].bytes;
    size_t length = strcspn(list, ", \t");
    bool good = length < sizeof document->language;
    for (size_t i = 0; i < length && good; i++)
        good = (list[i] >= 'a' && list[i] <= 'z') || (list[i] >= 'A' && list[i] <= 'Z') ||
               list[i] == '-';
    if (good)
        memcpy(document->language, list, length); /* zeros follow */
}

/* Some writers put the URI in angle brackets, as an example of WARC 1.0 has it. */
static void set_uri(const struct wet_reader *reader, struct document *document)
{
    const char *uri = reader->fields[WET_URI].bytes;
    size_t length = reader->fields[WET_URI].length;
    bool bracketed = length >= 2 && uri[0] == '<' && uri[length - 1] == '>';
    document_set_name(document, uri + bracketed, length - 2 * (size_t)bracketed);
}

static enum reader_verdict judge(const struct wet_reader *reader, int64_t content,
                                 const struct document *document)
{
    const struct strbuf *text = &document->text;
    if (reader->malformed || reader->field_counts[WET_TYPE] == 0)
        return READER_REJECTS_RECORD;
    if (content > DOCUMENT_READER_MAX_HELD)
        return READER_REJECTS_LONG;
    if (document_is_blank(text->bytes, text->length))
        return READER_REJECTS_EMPTY;
    return utf8_valid_bytes(text->bytes, text->length) == text->length ? READER_DOCUMENT
                                                                       : READER_REJECTS_UTF8;
}

/* The record's content, and what must follow it. `text`: NULL, or where as much as will be wanted
 * of it goes. */
static enum status read_content(struct wet_reader *reader, int64_t content, struct strbuf *text)
{
    struct text_window *window = &reader->window;
    const bool whole = !reader->malformed && content <= DOCUMENT_READER_MAX_HELD;
    int64_t passed;
    TRY(text_window_take(window, content, whole ? content : DOCUMENT_READER_MAX_KEPT, text,
                         &passed));
    if (passed < content)
        return refuse(reader, "the text ends before the record does, by its Content-Length");
    TRY(text_window_fill(window, 4));
    if (text_window_length(window) < 4 || memcmp(text_window_bytes(window), "\r\n\r\n", 4) != 0)
        return refuse(reader, "the record does not end there, as its Content-Length says");
    text_window_use(window, 4);
    return STATUS_OK;
}

/* A record whose type cannot be told counts as a document, and is rejected. */
static bool is_document(const struct wet_reader *reader)
{
    const struct strbuf *type = &reader->fields[WET_TYPE];
    return reader->field_counts[WET_TYPE] != 1 ||
           (type->length == strlen("conversion") &&
            strncasecmp(type->bytes, "conversion", type->length) == 0);
}

static enum status wet_next(void *state, struct document *document, enum reader_verdict *verdict)
{
    struct wet_reader *reader = state;
    for (;;) {
        int64_t content;
        *verdict = READER_END;
        TRY(text_window_fill(&reader->window, 1));
        if (text_window_length(&reader->window) == 0)
            return STATUS_OK;
        TRY(read_header(reader, &content));
        bool wanted = is_document(reader);
        TRY(read_content(reader, content, wanted && document ? &document->text : NULL));
        if (!wanted)
            continue;
        *verdict = READER_DOCUMENT;
        if (!document)
            return STATUS_OK;
        set_uri(reader, document);
        set_language(reader, document);
        *verdict = judge(reader, content, document);
        if (*verdict != READER_DOCUMENT && document->text.length > DOCUMENT_READER_MAX_KEPT)
            strbuf_cut(&document->text, DOCUMENT_READER_MAX_KEPT);
        return STATUS_OK;
    }
}

const struct document_format_reader wet_reader = {
    .open = wet_open,
    .next = wet_next,
    .position = wet_position,
    .close = wet_close,
};
