#include "shards/text_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/deflate_reader.h"

enum { TRAILER_BYTES = 8 };
#define GZIP_WINDOW_BITS (15 + 16) /* zlib.h, inflateInit2: gzip alone, no zlib stream */

struct text_source {
    char *name;
    int descriptor;
    unsigned char *input;
    size_t input_bytes, capacity; /* so many are read at a time; so many have room */
    size_t begin, end;            /* what of `input` is not yet used */
    long long next_byte;          /* of the file, after `end` */
    long long member;             /* where the current gzip member begins */
    bool is_gzip, at_end;         /* at_end: the file has no more bytes */
    bool in_member;
    z_stream header_reader; /* of members' headers, which zlib knows */
    struct deflate_reader *inflater;
    bool in_header;
    uint32_t checksum, text_bytes; /* of the member so far */
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

/* Fills what is free of the input buffer, once. */
static enum status read_more(struct text_source *source)
{
    if (source->begin > 0) {
        memmove(source->input, source->input + source->begin, source->end - source->begin);
        source->end -= source->begin;
        source->begin = 0;
    }
    size_t room = source->capacity - source->end;
    if (room > source->input_bytes)
        room = source->input_bytes;
    int attempts = 0;
    ssize_t got;
    do
        got = read(source->descriptor, source->input + source->end, room);
    while (got < 0 && file_worth_a_retry(source->descriptor, errno, &attempts));
    if (got < 0)
        return failed("cannot read '%s': byte %lld: %s", source->name, source->next_byte,
                      strerror(errno));
    source->end += (size_t)got;
    source->next_byte += got;
    source->at_end = got == 0;
    return STATUS_OK;
}

static void start_inflater(struct text_source *source)
{
    source->inflater = memory_alloc(sizeof *source->inflater);
    source->inflater->begin = source->inflater->end = 0;
    CHECK(inflateInit2(&source->header_reader, GZIP_WINDOW_BITS) == Z_OK,
          "zlib %s cannot be started", zlibVersion());
}

static enum status find_format(struct text_source *source)
{
    while (source->end < 2 && !source->at_end)
        TRY(read_more(source));
    source->is_gzip = source->end >= 2 && source->input[0] == 0x1f && source->input[1] == 0x8b;
    if (!source->is_gzip && (ends_with(source->name, ".gz") || ends_with(source->name, ".dz")))
        return bad_input("cannot read '%s': it is named as gzip, but does not begin as one",
                         source->name);
    if (source->is_gzip)
        start_inflater(source);
    return STATUS_OK;
}

static enum status open_readable(const char *path, int *descriptor)
{
    struct stat info;
    *descriptor = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                         : open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0)
        return bad_input("cannot open '%s': %s", path, strerror(errno));
    if (fstat(*descriptor, &info) == 0 && !S_ISDIR(info.st_mode))
        return STATUS_OK;
    close(*descriptor);
    return bad_input("cannot read '%s': it is a folder", path);
}

enum status text_source_open(const char *path, size_t input_bytes, struct text_source **out)
{
    int descriptor;
    *out = NULL;
    CHECK(input_bytes >= 2, "gzip's magic needs 2 bytes, not %zu", input_bytes);
    TRY(open_readable(path, &descriptor));

    struct text_source *source = memory_alloc_zeroed(1, sizeof *source);
    source->name = memory_copy_string(strcmp(path, "-") == 0 ? "standard input" : path);
    source->descriptor = descriptor;
    source->input_bytes = input_bytes;
    source->capacity = input_bytes + DEFLATE_MIN_INPUT;
    source->input = memory_alloc(source->capacity);
    enum status status = find_format(source);
    if (status == STATUS_OK)
        *out = source;
    else
        text_source_close(source);
    return status;
}

const char *text_source_name(const struct text_source *source)
{
    return source->name;
}

void text_source_close(struct text_source *source)
{
    if (!source)
        return;
    if (source->is_gzip)
        inflateEnd(&source->header_reader);
    close(source->descriptor);
    memory_free(source->inflater);
    memory_free(source->input);
    memory_free(source->name);
    memory_free(source);
}

static enum status read_plain(struct text_source *source, void *out, size_t room, size_t *length)
{
    if (source->begin == source->end && !source->at_end)
        TRY(read_more(source));
    *length = source->end - source->begin;
    if (*length > room)
        *length = room;
    memcpy(out, source->input + source->begin, *length);
    source->begin += *length;
    return STATUS_OK;
}

static long long place(const struct text_source *source)
{
    return source->next_byte - (long long)(source->end - source->begin);
}

static enum status refuse(const struct text_source *source, const char *why)
{
    return bad_input("cannot read '%s': damaged gzip at byte %lld, in the member that begins at "
                     "byte %lld: %s",
                     source->name, place(source), source->member, why);
}

/* What follows a member must be another or the end of the file: gzread would skip it. */
static void begin_member(struct text_source *source)
{
    CHECK(inflateReset(&source->header_reader) == Z_OK, "zlib cannot be reset");
    deflate_reader_start(source->inflater);
    source->in_member = source->in_header = true;
    source->member = place(source);
    source->checksum = (uint32_t)crc32(0, NULL, 0);
    source->text_bytes = 0;
}

/* As much of the header as is there. With Z_BLOCK, zlib stops before the first byte of deflate. */
static enum status read_header(struct text_source *source)
{
    const int at_first_block = 128; /* zlib.h, inflate: what data_type says */
    unsigned char nothing;
    z_stream *reader = &source->header_reader;
    reader->next_in = source->input + source->begin;
    reader->avail_in = (uInt)(source->end - source->begin);
    reader->next_out = &nothing;
    reader->avail_out = 0;
    int result = inflate(reader, Z_BLOCK);
    source->begin = source->end - reader->avail_in;
    if (result == Z_MEM_ERROR)
        return failed("cannot read '%s': zlib found no memory", source->name);
    if (result != Z_OK && result != Z_BUF_ERROR)
        return refuse(source, reader->msg ? reader->msg : "it needs a dictionary");
    source->in_header = !(reader->data_type & at_first_block);
    return STATUS_OK;
}

static uint32_t little_endian(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static enum status read_trailer(struct text_source *source)
{
    const unsigned char *trailer = source->input + source->begin;
    if (little_endian(trailer) != source->checksum)
        return refuse(source, "incorrect data check");
    if (little_endian(trailer + 4) != source->text_bytes)
        return refuse(source, "incorrect length check");
    source->begin += TRAILER_BYTES;
    source->in_member = false;
    return STATUS_OK;
}

/* Goes on within a member. *starves: only more input helps. */
static enum status inflate_some(struct text_source *source, bool *starves)
{
    struct deflate_reader *inflater = source->inflater;
    size_t used;
    *starves = source->begin == source->end;
    if (*starves)
        return STATUS_OK;
    if (source->in_header) {
        TRY(read_header(source));
        *starves = source->in_header;
        return STATUS_OK;
    }
    enum deflate_result result = deflate_reader_run(inflater, source->input + source->begin,
                                                    source->end - source->begin, &used);
    source->begin += used;
    size_t length = inflater->end - inflater->begin;
    source->checksum = (uint32_t)crc32_z(source->checksum, inflater->out + inflater->begin, length);
    source->text_bytes += (uint32_t)length;
    if (result == DEFLATE_BREAKS)
        return refuse(source, inflater->wrong);
    *starves = result == DEFLATE_STARVES;
    if (result == DEFLATE_ENDS && source->end - source->begin >= TRAILER_BYTES)
        return read_trailer(source);
    *starves |= result == DEFLATE_ENDS;
    return STATUS_OK;
}

static void hand_out(struct text_source *source, void *out, size_t room, size_t *length)
{
    struct deflate_reader *inflater = source->inflater;
    *length = inflater->end - inflater->begin;
    if (*length > room)
        *length = room;
    memcpy(out, inflater->out + inflater->begin, *length);
    inflater->begin += *length;
}

static enum status read_gzip(struct text_source *source, void *out, size_t room, size_t *length)
{
    for (;;) {
        bool starves = source->begin == source->end;
        hand_out(source, out, room, length);
        if (*length > 0)
            return STATUS_OK;
        if (source->in_member)
            TRY(inflate_some(source, &starves));
        else if (!starves)
            begin_member(source);
        if (!starves || source->inflater->end > source->inflater->begin)
            continue;
        if (source->at_end && source->in_member)
            return bad_input("cannot read '%s': truncated at byte %lld, in the gzip member that "
                             "begins at byte %lld",
                             source->name, source->next_byte, source->member);
        if (source->at_end)
            return STATUS_OK;
        TRY(read_more(source));
    }
}

enum status text_source_read(struct text_source *source, void *out, size_t room, size_t *length)
{
    CHECK(room > 0 && room <= UINT32_MAX, "room for %zu bytes", room);
    return source->is_gzip ? read_gzip(source, out, room, length)
                           : read_plain(source, out, room, length);
}
