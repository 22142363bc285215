#include "shards/inputs/text_reader.h"

#include <string.h>

#include "base/memory.h"
#include "shards/inputs/line_pattern.h"

struct text_reader {
    struct text_window window;
    struct line_pattern *document_start; /* or NULL */
    char *separator;                     /* or NULL */
    int64_t document_bytes;
};

/* What has been read of one document. */
struct cut {
    struct strbuf *text; /* NULL: it is only measured */
    size_t length;
};

enum status text_reader_open(const char *path, const struct text_rules *rules,
                             struct text_reader **out)
{
    struct text_window window;
    *out = NULL;
    TRY(text_window_open(path, TEXT_SOURCE_INPUT_BYTES, &window));
    return text_reader_open_window(&window, rules, out);
}

enum status text_reader_open_window(struct text_window *window, const struct text_rules *rules,
                                    struct text_reader **out)
{
    struct text_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->window = *window;
    reader->document_bytes = rules->document_bytes;
    if (rules->separator && *rules->separator)
        reader->separator = memory_copy_string(rules->separator);

    enum status status = STATUS_OK;
    if (rules->document_start && *rules->document_start)
        status = line_pattern_compile(rules->document_start, &reader->document_start);
    *out = status == STATUS_OK ? reader : NULL;
    if (status != STATUS_OK)
        text_reader_close(reader);
    return status;
}

void text_reader_close(struct text_reader *reader)
{
    if (!reader)
        return;
    text_window_release(&reader->window);
    line_pattern_free(reader->document_start);
    memory_free(reader->separator);
    memory_free(reader);
}

int64_t text_reader_bytes(const struct text_reader *reader)
{
    return reader->window.offset;
}

static enum status refuse_length(const struct text_reader *reader, const struct cut *cut)
{
    return bad_input("cannot read '%s': the document at byte %lld of the text is longer than %lld "
                     "bytes; set document_bytes, document_start or separator, and see that the "
                     "text has line ends",
                     text_window_name(&reader->window),
                     (long long)(reader->window.offset - (int64_t)cut->length),
                     (long long)TEXT_READER_MAX_DOCUMENT);
}

/* The next `length` bytes in sight join the document. */
static enum status add_bytes(struct text_reader *reader, struct cut *cut, size_t length)
{
    if (length > (size_t)TEXT_READER_MAX_DOCUMENT - cut->length)
        return refuse_length(reader, cut);
    if (cut->text)
        strbuf_add(cut->text, text_window_bytes(&reader->window), length);
    cut->length += length;
    text_window_use(&reader->window, length);
    return STATUS_OK;
}

/* Where only the length counts, lines need not be held whole. */
static enum status read_by_length(struct text_reader *reader, struct cut *cut)
{
    struct text_window *window = &reader->window;
    const size_t most = (size_t)reader->document_bytes; /* 0: all there is */
    for (;;) {
        TRY(text_window_fill(window, 1));
        size_t in_sight = text_window_length(window);
        if (in_sight == 0)
            return STATUS_OK;
        size_t free_of_choice = most == 0            ? in_sight
                                : cut->length < most ? most - 1 - cut->length
                                                     : 0;
        if (free_of_choice >= in_sight) {
            TRY(add_bytes(reader, cut, in_sight));
            continue;
        }
        const char *rest = text_window_bytes(window) + free_of_choice;
        const char *line_end = memchr(rest, '\n', in_sight - free_of_choice);
        TRY(add_bytes(reader, cut,
                      line_end ? free_of_choice + (size_t)(line_end - rest) + 1 : in_sight));
        if (line_end)
            return STATUS_OK;
    }
}

static bool is_separator(const struct text_reader *reader, const char *line, size_t length)
{
    if (!reader->separator)
        return false;
    if (length > 0 && line[length - 1] == '\n')
        length--;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    return length == strlen(reader->separator) && memcmp(line, reader->separator, length) == 0;
}

static enum status starts_document(const struct text_reader *reader, size_t length, bool *starts)
{
    *starts = false;
    if (!reader->document_start)
        return STATUS_OK;
    enum status status = line_pattern_match(reader->document_start,
                                            text_window_bytes(&reader->window), length, starts);
    return status == STATUS_OK
               ? status
               : status_prefix(status, "cannot read '%s'", text_window_name(&reader->window));
}

static enum status read_by_lines(struct text_reader *reader, struct cut *cut)
{
    struct text_window *window = &reader->window;
    for (;;) {
        size_t length;
        bool whole, starts;
        TRY(text_window_find_line(window, (size_t)TEXT_READER_MAX_DOCUMENT, &length, &whole));
        if (length == 0)
            return STATUS_OK;
        if (!whole)
            return refuse_length(reader, cut);
        if (is_separator(reader, text_window_bytes(window), length)) {
            text_window_use(window, length);
            if (cut->length > 0)
                return STATUS_OK;
            continue;
        }
        TRY(starts_document(reader, length, &starts));
        if (starts && cut->length > 0)
            return STATUS_OK;
        TRY(add_bytes(reader, cut, length));
        if (reader->document_bytes > 0 && cut->length >= (size_t)reader->document_bytes)
            return STATUS_OK;
    }
}

enum status text_reader_next(struct text_reader *reader, struct strbuf *document, bool *found)
{
    struct cut cut = { .text = document };
    if (document)
        strbuf_reset(document);
    *found = false;
    TRY(reader->document_start || reader->separator ? read_by_lines(reader, &cut)
                                                    : read_by_length(reader, &cut));
    *found = cut.length > 0;
    return STATUS_OK;
}
