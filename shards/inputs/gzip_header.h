/* gzip_header: the head of a gzip member (RFC 1952, section 2.3), read in pieces of any size.
 *
 *   | magic, method, flags, time, system | extra field | name | comment | CRC of all before |
 *     10 bytes                             those that the flags name, of any length
 */
#ifndef SHARDS_GZIP_HEADER_H
#define SHARDS_GZIP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gzip_header {
    int part;       /* that comes next */
    int part_bytes; /* of it that were read */
    unsigned flags;
    uint32_t checksum; /* CRC-32 of what was read */
    unsigned length;   /* of the extra field that is still to come; then the listed checksum */
};

/* Starts with a zeroed struct. Reads up to `length` bytes; *used of them belong to the header, and
 * *ends says whether it is whole. Returns NULL, or what is wrong with it. */
const char *gzip_header_read(struct gzip_header *header, const unsigned char *bytes, size_t length,
                             size_t *used, bool *ends);

#endif
