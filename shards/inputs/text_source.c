#include "shards/inputs/text_source.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/inputs/gzip_header.h"

struct text_source {
    char *name;
    int descriptor;
    unsigned char *input;
    size_t input_bytes;
    size_t begin, end;    /* what of `input` is not yet used */
    long long next_byte;  /* of the file, after `end` */
    long long member;     /* where the current gzip member begins */
    bool is_gzip, at_end; /* at_end: the file has no more bytes */
    bool in_member, in_header;
    struct gzip_header header;
    struct inflate_state *inflater; /* or NULL */
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
    int attempts = 0;
    ssize_t got;
    do
        got = read(source->descriptor, source->input + source->end,
                   source->input_bytes - source->end);
    while (got < 0 && file_worth_a_retry(source->descriptor, errno, &attempts));
    if (got < 0)
        return failed("cannot read '%s': byte %lld: %s", source->name, source->next_byte,
                      strerror(errno));
    source->end += (size_t)got;
    source->next_byte += got;
    source->at_end = got == 0;
    return STATUS_OK;
}

static enum status find_format(struct text_source *source)
{
    while (source->end < 2 && !source->at_end)
        TRY(read_more(source));
    source->is_gzip = source->end >= 2 && source->input[0] == 0x1f && source->input[1] == 0x8b;
    if (!source->is_gzip && (ends_with(source->name, ".gz") || ends_with(source->name, ".dz")))
        return bad_input("cannot read '%s': it is named as gzip, but does not begin as one",
                         source->name);
    if (source->is_gzip) {
        source->inflater = memory_alloc(sizeof *source->inflater);
        isal_inflate_init(source->inflater);
    }
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
    source->input = memory_alloc(input_bytes);
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

int64_t text_source_input_bytes(const struct text_source *source)
{
    return source->next_byte;
}

void text_source_close(struct text_source *source)
{
    if (!source)
        return;
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

static const char *damage(int result)
{
    switch (result) {
    case ISAL_INVALID_BLOCK:
        return "a block's head is invalid";
    case ISAL_INVALID_SYMBOL:
        return "a symbol is invalid";
    case ISAL_INVALID_LOOKBACK:
        return "a distance leads before the text";
    case ISAL_INCORRECT_CHECKSUM:
        return "the checksum is wrong";
    default:
        return "it is no deflate data";
    }
}

static enum status refuse(const struct text_source *source, const char *why)
{
    return bad_input("cannot read '%s': damaged gzip at byte %lld, in the member that begins at "
                     "byte %lld: %s",
                     source->name, place(source), source->member, why);
}

/* Turns input into text once; *length may be 0 although more is to come. */
static enum status inflate_some(struct text_source *source, void *out, size_t room, size_t *length)
{
    struct inflate_state *inflater = source->inflater;
    inflater->next_in = source->input + source->begin;
    inflater->avail_in = (uint32_t)(source->end - source->begin);
    inflater->next_out = out;
    inflater->avail_out = (uint32_t)room;
    int result = isal_inflate(inflater);
    *length = room - inflater->avail_out;
    source->begin = source->end - inflater->avail_in;
    source->in_member = inflater->block_state != ISAL_BLOCK_FINISH;
    if (result == ISAL_DECOMP_OK || result == ISAL_END_INPUT || result == ISAL_OUT_OVERFLOW)
        return STATUS_OK;
    return refuse(source, damage(result));
}

/* What follows a member must be another or the end of the file: gzread would skip it. ISA-L is
 * given what comes after the header, since it (2.30) errs in headers that it sees in pieces. */
static void begin_member(struct text_source *source)
{
    source->member = place(source);
    source->in_member = source->in_header = true;
    source->header = (struct gzip_header){ 0 };
    isal_inflate_reset(source->inflater);
    source->inflater->crc_flag = ISAL_GZIP_NO_HDR_VER;
}

static enum status read_header(struct text_source *source)
{
    size_t used;
    bool ends;
    const char *wrong = gzip_header_read(&source->header, source->input + source->begin,
                                         source->end - source->begin, &used, &ends);
    source->begin += used;
    source->in_header = !ends;
    return wrong ? refuse(source, wrong) : STATUS_OK;
}

static enum status read_gzip(struct text_source *source, void *out, size_t room, size_t *length)
{
    *length = 0;
    while (*length == 0) {
        if (source->begin == source->end && !source->at_end)
            TRY(read_more(source));
        if (source->begin == source->end && source->at_end && !source->in_member)
            return STATUS_OK;
        if (!source->in_member)
            begin_member(source);
        if (source->in_header)
            TRY(read_header(source));
        else
            TRY(inflate_some(source, out, room, length));
        if (*length == 0 && source->in_member && source->begin == source->end && source->at_end)
            return bad_input("cannot read '%s': truncated at byte %lld, in the gzip member that "
                             "begins at byte %lld",
                             source->name, source->next_byte, source->member);
    }
    return STATUS_OK;
}

enum status text_source_read(struct text_source *source, void *out, size_t room, size_t *length)
{
    CHECK(room > 0 && room <= UINT32_MAX, "room for %zu bytes", room);
    return source->is_gzip ? read_gzip(source, out, room, length)
                           : read_plain(source, out, room, length);
}
