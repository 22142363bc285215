/* jsonl: a line is a document, a JSON object with its text in one field (https://jsonlines.org). */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/inputs/document_format.h"
#include "shards/inputs/json_line.h"

enum { FIELD_TEXT, FIELD_URL, FIELD_ID, FIELD_COUNT };

struct jsonl_reader {
    struct text_window window;
    char *keys[FIELD_COUNT];
    struct strbuf url, id;
    bool begun;
};

static void jsonl_close(void *state)
{
    struct jsonl_reader *reader = state;
    text_window_release(&reader->window);
    for (int i = 0; i < FIELD_COUNT; i++)
        memory_free(reader->keys[i]);
    strbuf_release(&reader->url);
    strbuf_release(&reader->id);
    memory_free(reader);
}

static enum status jsonl_open(struct text_window *window, const struct document_rules *rules,
                              void **state)
{
    const char *const keys[FIELD_COUNT] = {
        [FIELD_TEXT] = rules->text_field ? rules->text_field : "text",
        [FIELD_URL] = rules->url_field ? rules->url_field : "url",
        [FIELD_ID] = rules->id_field ? rules->id_field : "id",
    };
    struct jsonl_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->window = *window;
    strbuf_init(&reader->url);
    strbuf_init(&reader->id);
    for (int i = 0; i < FIELD_COUNT; i++)
        reader->keys[i] = memory_copy_string(keys[i]);

    enum status status = STATUS_OK;
    for (int i = 0; i < FIELD_COUNT && status == STATUS_OK; i++)
        if (strlen(keys[i]) > JSON_LINE_MAX_KEY)
            status = bad_input("cannot look for the field '%s': its name is longer than %d bytes",
                               keys[i], JSON_LINE_MAX_KEY);
    *state = status == STATUS_OK ? reader : NULL;
    if (status != STATUS_OK)
        jsonl_close(reader);
    return status;
}

static int64_t jsonl_position(const void *state)
{
    return ((const struct jsonl_reader *)state)->window.offset;
}

/* RFC 8259, section 8.1, lets a reader pass over a byte order mark. */
static enum status skip_byte_order_mark(struct jsonl_reader *reader)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t length = sizeof mark - 1;
    reader->begun = true;
    TRY(text_window_fill(&reader->window, length));
    if (text_window_length(&reader->window) >= length &&
        memcmp(text_window_bytes(&reader->window), mark, length) == 0)
        text_window_use(&reader->window, length);
    return STATUS_OK;
}

/* Its url, else its id. */
static void set_name(const struct jsonl_reader *reader, const struct json_field *fields,
                     struct document *document)
{
    bool has_url = fields[FIELD_URL].kind == JSON_FIELD_STRING && reader->url.length > 0;
    bool has_id =
        fields[FIELD_ID].kind == JSON_FIELD_STRING || fields[FIELD_ID].kind == JSON_FIELD_NUMBER;
    if (has_url)
        document_set_name(document, reader->url.bytes, reader->url.length);
    else if (has_id)
        document_set_name(document, reader->id.bytes, reader->id.length);
}

static enum reader_verdict judge_line(struct jsonl_reader *reader, const char *line, size_t length,
                                      struct document *document)
{
    struct json_field fields[FIELD_COUNT] = {
        [FIELD_TEXT] = { .key = reader->keys[FIELD_TEXT], .value = &document->text },
        [FIELD_URL] = { .key = reader->keys[FIELD_URL], .value = &reader->url },
        [FIELD_ID] = { .key = reader->keys[FIELD_ID], .value = &reader->id },
    };
    if (length > (size_t)DOCUMENT_READER_MAX_HELD)
        return READER_REJECTS_LONG;
    if (utf8_valid_bytes(line, length) != length)
        return READER_REJECTS_UTF8;
    if (!json_line_scan(line, length, fields, FIELD_COUNT))
        return READER_REJECTS_JSON;
    set_name(reader, fields, document);
    if (fields[FIELD_TEXT].kind != JSON_FIELD_STRING)
        return READER_REJECTS_FIELD;
    return document_is_blank(document->text.bytes, document->text.length) ? READER_REJECTS_EMPTY
                                                                          : READER_DOCUMENT;
}

static void keep_line(const char *line, size_t length, struct document *document)
{
    strbuf_reset(&document->text);
    if (length > (size_t)DOCUMENT_READER_MAX_KEPT)
        length = (size_t)DOCUMENT_READER_MAX_KEPT;
    strbuf_add(&document->text, line, length);
}

static enum status jsonl_next(void *state, struct document *document, enum reader_verdict *verdict)
{
    struct jsonl_reader *reader = state;
    struct text_window *window = &reader->window;
    if (!reader->begun)
        TRY(skip_byte_order_mark(reader));
    for (;;) {
        size_t length;
        bool whole;
        TRY(text_window_find_line(window, (size_t)DOCUMENT_READER_MAX_HELD, &length, &whole));
        const char *line = text_window_bytes(window);
        *verdict = READER_END;
        if (length == 0)
            return STATUS_OK;
        if (whole && document_is_blank(line, length)) {
            text_window_use(window, length);
            continue;
        }
        *verdict = document ? judge_line(reader, line, length, document) : READER_DOCUMENT;
        if (document && *verdict != READER_DOCUMENT && *verdict != READER_REJECTS_EMPTY)
            keep_line(line, length, document);
        if (!whole)
            return text_window_skip_line(window);
        text_window_use(window, length);
        return STATUS_OK;
    }
}

const struct document_format_reader jsonl_reader = {
    .open = jsonl_open,
    .next = jsonl_next,
    .position = jsonl_position,
    .close = jsonl_close,
};
