#include "shards/text_reader.h"

#include <string.h>

#include "base/memory.h"
#include "shards/line_pattern.h"
#include "shards/text_source.h"

#define BLOCK_BYTES ((size_t)64 << 10)

struct text_reader {
    char *path;
    struct text_source *source;
    struct line_pattern *document_start; /* or NULL */
    int64_t document_bytes;
    int64_t bytes;
    char block[BLOCK_BYTES];
    size_t begin, end;  /* what of `block` is not yet used */
    struct strbuf line; /* read, but not yet in a document; with its line end */
};

enum status text_reader_open(const char *path, const struct text_rules *rules,
                             struct text_reader **out)
{
    *out = NULL;
    struct text_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->path = memory_copy_string(path);
    reader->document_bytes = rules->document_bytes;
    strbuf_init(&reader->line);

    enum status status = STATUS_OK;
    if (rules->document_start && *rules->document_start)
        status = line_pattern_compile(rules->document_start, &reader->document_start);
    if (status == STATUS_OK)
        status = text_source_open(path, TEXT_SOURCE_INPUT_BYTES, &reader->source);
    if (status == STATUS_OK)
        *out = reader;
    else
        text_reader_close(reader);
    return status;
}

void text_reader_close(struct text_reader *reader)
{
    if (!reader)
        return;
    text_source_close(reader->source);
    line_pattern_free(reader->document_start);
    strbuf_release(&reader->line);
    memory_free(reader->path);
    memory_free(reader);
}

int64_t text_reader_bytes(const struct text_reader *reader)
{
    return reader->bytes;
}

static enum status check_document_size(const struct text_reader *reader, size_t bytes)
{
    if (bytes <= (size_t)TEXT_READER_MAX_DOCUMENT)
        return STATUS_OK;
    return bad_input("cannot read '%s': a document is longer than %lld bytes; set document_bytes "
                     "or document_start, and see that the text has line ends",
                     reader->path, (long long)TEXT_READER_MAX_DOCUMENT);
}

/* The next line goes to `line`; the last one may lack its line end, and none is left empty.
 * `before`: bytes of the document that the line may come to belong to. */
static enum status read_line(struct text_reader *reader, size_t before)
{
    strbuf_reset(&reader->line);
    for (;;) {
        if (reader->begin == reader->end) {
            reader->begin = 0;
            TRY(text_source_read(reader->source, reader->block, BLOCK_BYTES, &reader->end));
            reader->bytes += (int64_t)reader->end;
            if (reader->end == 0)
                return STATUS_OK;
        }
        const char *rest = reader->block + reader->begin;
        size_t left = reader->end - reader->begin;
        const char *line_end = memchr(rest, '\n', left);
        size_t length = line_end ? (size_t)(line_end - rest) + 1 : left;

        TRY(check_document_size(reader, before + reader->line.length + length));
        strbuf_add(&reader->line, rest, length);
        reader->begin += length;
        if (line_end)
            return STATUS_OK;
    }
}

static enum status starts_document(const struct text_reader *reader, bool *starts)
{
    *starts = false;
    if (!reader->document_start)
        return STATUS_OK;
    enum status status =
        line_pattern_match(reader->document_start, reader->line.bytes, reader->line.length, starts);
    return status == STATUS_OK ? status : status_prefix(status, "cannot read '%s'", reader->path);
}

enum status text_reader_next(struct text_reader *reader, struct strbuf *document, bool *found)
{
    strbuf_reset(document);
    *found = false;
    for (;;) {
        if (reader->line.length == 0)
            TRY(read_line(reader, document->length));
        if (reader->line.length == 0)
            break;

        bool starts;
        TRY(starts_document(reader, &starts));
        if (starts && document->length > 0)
            break;
        strbuf_add(document, reader->line.bytes, reader->line.length);
        strbuf_reset(&reader->line);
        if (reader->document_bytes > 0 && document->length >= (size_t)reader->document_bytes)
            break;
    }
    *found = document->length > 0;
    return STATUS_OK;
}
