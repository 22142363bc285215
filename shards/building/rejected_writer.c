#include "shards/building/rejected_writer.h"

#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { DEFLATE_LEVEL = 6 };

struct rejected_writer {
    struct libdeflate_compressor *compressor;
    struct strbuf lines, member;
};

struct rejected_writer *rejected_writer_create(void)
{
    struct rejected_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->compressor = libdeflate_alloc_compressor(DEFLATE_LEVEL);
    CHECK(writer->compressor, "no memory for libdeflate");
    strbuf_init(&writer->lines);
    strbuf_init(&writer->member);
    return writer;
}

void rejected_writer_free(struct rejected_writer *writer)
{
    if (!writer)
        return;
    libdeflate_free_compressor(writer->compressor);
    strbuf_release(&writer->lines);
    strbuf_release(&writer->member);
    memory_free(writer);
}

enum status rejected_writer_add(struct rejected_writer *writer, const struct document *document,
                                const char *rule)
{
    struct json *line = json_new_object();
    json_put_text(line, "rule", rule);
    json_put_integer(line, "number", document->number);
    if (document->name.length > 0)
        json_put(line, "name", json_new_text(document->name.bytes, document->name.length));
    json_put(line, "text", json_new_text(document->text.bytes, document->text.length));
    json_print(line, JSON_COMPACT, &writer->lines);
    if (writer->lines.bytes[writer->lines.length - 1] != '\n')
        strbuf_add_char(&writer->lines, '\n');
    json_free(line);
    return STATUS_OK;
}

static void compress_lines(struct rejected_writer *writer)
{
    struct strbuf *member = &writer->member;
    strbuf_reset(member);
    strbuf_reserve(member,
                   libdeflate_gzip_compress_bound(writer->compressor, writer->lines.length));
    size_t room = libdeflate_gzip_compress_bound(writer->compressor, writer->lines.length);
    member->length = libdeflate_gzip_compress(writer->compressor, writer->lines.bytes,
                                              writer->lines.length, member->bytes, room);
    CHECK(member->length > 0, "libdeflate needs more than its bound of %zu bytes", room);
    strbuf_reset(&writer->lines);
}

enum status rejected_writer_append(struct rejected_writer *writer, int file, const char *path)
{
    if (writer->lines.length == 0)
        return STATUS_OK;
    compress_lines(writer);
    return file_write_all(file, writer->member.bytes, writer->member.length, path);
}

static enum status append(const void *context, int file, const char *path)
{
    struct rejected_writer *const *writer = context;
    return rejected_writer_append(*writer, file, path);
}

enum status rejected_writer_put(struct rejected_writer *writer, const char *path)
{
    return file_put(path, append, &writer);
}
