#include "shards/inputs/document_reader.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/inputs/document_format.h"

const char *const document_format_names[FORMAT_COUNT + 1] = {
    [FORMAT_AUTO] = "auto",
    [FORMAT_TEXT] = "text",
    [FORMAT_JSONL] = "jsonl",
    [FORMAT_WET] = "wet",
};

const char *const reader_verdict_names[READER_VERDICT_COUNT] = {
    [READER_DOCUMENT] = "document",     [READER_END] = "end",
    [READER_REJECTS_EMPTY] = "empty",   [READER_REJECTS_JSON] = "bad_json",
    [READER_REJECTS_FIELD] = "no_text", [READER_REJECTS_UTF8] = "bad_utf8",
    [READER_REJECTS_LONG] = "too_long", [READER_REJECTS_RECORD] = "bad_record",
};

struct document_reader {
    const struct document_format_reader *format;
    void *state;
    int64_t number;                   /* of the next document */
    const struct text_source *source; /* that the format reads */
};

bool document_is_blank(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')))
        i++;
    return i == length;
}

void document_set_name(struct document *document, const char *name, size_t length)
{
    if (length > DOCUMENT_READER_MAX_NAME)
        for (length = DOCUMENT_READER_MAX_NAME; length > 0 && (name[length] & 0xc0) == 0x80;)
            length--; /* not within a character */
    utf8_add_repaired(&document->name, name, length);
}

/* ---- text ---- */

static enum status plain_open(struct text_window *window, const struct document_rules *rules,
                              void **state)
{
    struct text_reader *reader;
    enum status status = text_reader_open_window(window, &rules->text, &reader);
    *state = reader;
    return status;
}

static enum status plain_next(void *state, struct document *document, enum reader_verdict *verdict)
{
    bool found;
    *verdict = READER_END;
    TRY(text_reader_next(state, document ? &document->text : NULL, &found));
    if (found)
        *verdict = document && document_is_blank(document->text.bytes, document->text.length)
                       ? READER_REJECTS_EMPTY
                       : READER_DOCUMENT;
    return STATUS_OK;
}

static int64_t plain_position(const void *state)
{
    return text_reader_bytes(state);
}

static void plain_close(void *state)
{
    text_reader_close(state);
}

static const struct document_format_reader plain_reader = {
    .open = plain_open,
    .next = plain_next,
    .position = plain_position,
    .close = plain_close,
};

/* ---- any format ---- */

static const struct document_format_reader *const format_readers[FORMAT_COUNT] = {
    [FORMAT_TEXT] = &plain_reader,
    [FORMAT_JSONL] = &jsonl_reader,
    [FORMAT_WET] = &wet_reader,
};

static bool ends_with(const char *text, size_t length, const char *suffix)
{
    size_t tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

/* FORMAT_AUTO: the name does not tell. */
static enum document_format format_of_name(const char *name)
{
    static const struct {
        const char *suffix;
        enum document_format format;
    } suffixes[] = {
        { ".jsonl", FORMAT_JSONL }, { ".ndjson", FORMAT_JSONL }, { ".json", FORMAT_JSONL },
        { ".wet", FORMAT_WET },     { ".txt", FORMAT_TEXT },
    };
    size_t length = strlen(name);
    if (ends_with(name, length, ".gz"))
        length -= strlen(".gz");
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ends_with(name, length, suffixes[i].suffix))
            return suffixes[i].format;
    return FORMAT_AUTO;
}

static enum status find_format(struct text_window *window, const char *path,
                               enum document_format *format)
{
    static const char warc[] = "WARC/1.";
    if (*format == FORMAT_AUTO)
        *format = format_of_name(path);
    if (*format != FORMAT_AUTO)
        return STATUS_OK;
    TRY(text_window_fill(window, strlen(warc)));
    bool is_wet = text_window_length(window) >= strlen(warc) &&
                  memcmp(text_window_bytes(window), warc, strlen(warc)) == 0;
    *format = is_wet ? FORMAT_WET : FORMAT_TEXT;
    return STATUS_OK;
}

enum status document_reader_open(const char *path, const struct document_rules *rules,
                                 struct document_reader **out)
{
    struct text_window window;
    enum document_format format = rules->format;
    void *state;
    *out = NULL;
    TRY(text_window_open(path, TEXT_SOURCE_INPUT_BYTES, &window));
    enum status status = find_format(&window, path, &format);
    if (status != STATUS_OK) {
        text_window_release(&window);
        return status;
    }
    const struct text_source *source = window.source; /* the window is taken over */
    TRY(format_readers[format]->open(&window, rules, &state));
    *out = memory_alloc_zeroed(1, sizeof **out);
    (*out)->format = format_readers[format];
    (*out)->state = state;
    (*out)->source = source;
    return STATUS_OK;
}

enum status document_reader_next(struct document_reader *reader, struct document *document,
                                 enum reader_verdict *verdict)
{
    strbuf_reset(&document->text);
    strbuf_reset(&document->name);
    memset(document->language, 0, sizeof document->language);
    document->number = reader->number;
    TRY(reader->format->next(reader->state, document, verdict));
    reader->number += *verdict != READER_END;
    return STATUS_OK;
}

int64_t document_reader_position(const struct document_reader *reader)
{
    return reader->format->position(reader->state);
}

enum status document_reader_skip_to(struct document_reader *reader, int64_t position)
{
    enum reader_verdict verdict = READER_DOCUMENT;
    while (verdict != READER_END && document_reader_position(reader) < position) {
        TRY(reader->format->next(reader->state, NULL, &verdict));
        reader->number += verdict != READER_END;
    }
    return STATUS_OK;
}

void document_reader_close(struct document_reader *reader)
{
    if (!reader)
        return;
    reader->format->close(reader->state);
    memory_free(reader);
}

int64_t document_reader_input_bytes(const struct document_reader *reader)
{
    return text_source_input_bytes(reader->source);
}
