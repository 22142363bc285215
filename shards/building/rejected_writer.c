#include "shards/building/rejected_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

enum status rejected_writer_put(struct rejected_writer *writer, const char *path)
{
    struct strbuf aside = STRBUF_INIT;
    strbuf_addf(&aside, "%s.new", path);
    enum status status = STATUS_OK;
    int file = open(aside.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        status = failed("cannot create '%s': %s", aside.bytes, strerror(errno));
    } else {
        status = rejected_writer_append(writer, file, aside.bytes);
        if (close(file) != 0 && status == STATUS_OK)
            status = failed("cannot write '%s': %s", aside.bytes, strerror(errno));
    }
    if (status == STATUS_OK && rename(aside.bytes, path) != 0)
        status = failed("cannot rename '%s': %s", aside.bytes, strerror(errno));
    strbuf_release(&aside);
    return status;
}
