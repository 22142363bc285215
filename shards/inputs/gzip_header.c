#include "shards/inputs/gzip_header.h"

#include <libdeflate.h>

enum { PART_FIXED, PART_EXTRA_LENGTH, PART_EXTRA, PART_NAME, PART_COMMENT, PART_CHECKSUM, PARTS };
enum { HAS_CHECKSUM = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };

static bool has_part(const struct gzip_header *header)
{
    static const unsigned flag[PARTS] = {
        [PART_EXTRA_LENGTH] = HAS_EXTRA, [PART_EXTRA] = HAS_EXTRA,       [PART_NAME] = HAS_NAME,
        [PART_COMMENT] = HAS_COMMENT,    [PART_CHECKSUM] = HAS_CHECKSUM,
    };
    if (header->part == PART_EXTRA && header->length == 0)
        return false;
    return header->part == PART_FIXED || header->flags & flag[header->part];
}

static const char *take_fixed(struct gzip_header *header, unsigned char byte)
{
    switch (header->part_bytes) {
    case 0:
        return byte == 0x1f ? NULL : "no gzip header";
    case 1:
        return byte == 0x8b ? NULL : "no gzip header";
    case 2:
        return byte == 8 ? NULL : "an unknown method of compression";
    case 3:
        header->flags = byte;
        return byte & RESERVED ? "unknown flags in its header" : NULL;
    default:
        return NULL; /* time and system: not looked at */
    }
}

/* Takes a byte of the part; *ends says whether it was the part's last. */
static const char *take_byte(struct gzip_header *header, unsigned char byte, bool *ends)
{
    const int place = header->part_bytes;
    *ends = false;
    switch (header->part) {
    case PART_FIXED:
        *ends = place == 9;
        return take_fixed(header, byte);
    case PART_EXTRA_LENGTH:
    case PART_CHECKSUM:
        header->length = place == 0 ? byte : header->length | (unsigned)byte << 8;
        *ends = place == 1;
        return NULL;
    case PART_EXTRA:
        *ends = --header->length == 0;
        return NULL;
    default: /* name, comment */
        *ends = byte == 0;
        return NULL;
    }
}

static void next_part(struct gzip_header *header)
{
    header->part_bytes = 0;
    do
        header->part++;
    while (header->part < PARTS && !has_part(header));
}

const char *gzip_header_read(struct gzip_header *header, const unsigned char *bytes, size_t length,
                             size_t *used, bool *ends)
{
    *ends = false;
    for (*used = 0; *used < length && header->part < PARTS;) {
        const unsigned char byte = bytes[(*used)++];
        const bool is_covered = header->part != PART_CHECKSUM;
        bool part_ends;
        const char *wrong = take_byte(header, byte, &part_ends);
        if (wrong)
            return wrong;
        if (is_covered)
            header->checksum = libdeflate_crc32(header->checksum, &byte, 1);
        else if (part_ends && header->length != (header->checksum & 0xffff))
            return "the checksum of its header is wrong";
        header->part_bytes += header->part_bytes < 10;
        if (part_ends)
            next_part(header);
    }
    *ends = header->part == PARTS;
    return NULL;
}
