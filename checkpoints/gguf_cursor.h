/* gguf_cursor: the header of a GGUF file as it is walked, from its first byte on. What has been
 * walked is held, so that places in it stay readable; nothing beyond the file or
 * GGUF_MAX_HEADER_BYTES is read or allocated for. */
#ifndef CHECKPOINTS_GGUF_CURSOR_H
#define CHECKPOINTS_GGUF_CURSOR_H

#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"

struct gguf_cursor {
    const char *path;
    int descriptor;
    int64_t size_bytes; /* of the file */
    struct strbuf bytes;
    int64_t at; /* the next byte to be taken */
};

/* The next `length` bytes, which stay where they are until the next call. */
enum status gguf_cursor_take(struct gguf_cursor *cursor, uint64_t length, const char **out);
enum status gguf_cursor_u32(struct gguf_cursor *cursor, uint32_t *out);
enum status gguf_cursor_u64(struct gguf_cursor *cursor, uint64_t *out);
/* A key or a tensor's name, which `what` says: a text without NUL of 1 to max_bytes. The caller
 * frees it. */
enum status gguf_cursor_name(struct gguf_cursor *cursor, uint64_t max_bytes, const char *what,
                             char **out);

#endif
