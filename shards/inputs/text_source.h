/* text_source: the bytes of a file, inflated where it is gzip.
 *
 * Gzip (RFC 1952) is known by its two magic bytes; a file named .gz or .dz must
 * have them. It may have any number of members and must end exactly where a
 * member ends. What no checksum covers in a member's header (time, system,
 * name) is not looked at.
 *
 *   file   | member | member | member |        every member: header, deflate,
 *   input        [ buffer of input_bytes ]     CRC-32 and length of its text
 *
 * Reading that fails in passing (EIO, ESTALE: a disk or a file server that
 * hiccups) is tried again a few times, with pauses, before it is an error.
 *
 * Memory: the input buffer and the inflater's 100 KiB, however much comes out.
 */
#ifndef SHARDS_TEXT_SOURCE_H
#define SHARDS_TEXT_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TEXT_SOURCE_INPUT_BYTES ((size_t)64 << 10)

struct text_source;

/* `input_bytes` (2 or more) is read at a time; any value gives the same text. `path` may name
 * a file, a pipe or a terminal; "-" is standard input. */
enum status text_source_open(const char *path, size_t input_bytes, struct text_source **out);

/* Up to `room` (> 0) bytes of text; *length = 0 at the end alone. Damage is bad input that names
 * the byte of the file at which it showed; what was handed out before it is not to be used. */
enum status text_source_read(struct text_source *source, void *out, size_t room, size_t *length);

/* What messages call it: its path, or "standard input". */
const char *text_source_name(const struct text_source *source);

/* Of the file, read so far. */
int64_t text_source_input_bytes(const struct text_source *source);

void text_source_close(struct text_source *source); /* NULL is allowed */

#endif
