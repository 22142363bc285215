#include "checkpoints/gguf_cursor.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/gguf_reader.h"

enum { READ_AHEAD = 1 << 16 };

enum status gguf_cursor_take(struct gguf_cursor *cursor, uint64_t length, const char **out)
{
    if (length > (uint64_t)(cursor->size_bytes - cursor->at))
        return bad_input("cannot read '%s': %" PRIu64 " bytes at byte %" PRId64
                         " are more than it has",
                         cursor->path, length, cursor->at);
    if (length > (uint64_t)(GGUF_MAX_HEADER_BYTES - cursor->at))
        return bad_input("cannot read '%s': its header is longer than %" PRId64 " bytes",
                         cursor->path, GGUF_MAX_HEADER_BYTES);
    const int64_t end = cursor->at + (int64_t)length, have = (int64_t)cursor->bytes.length;
    if (end > have) {
        int64_t more = end - have > READ_AHEAD ? end - have : READ_AHEAD;
        if (more > cursor->size_bytes - have)
            more = cursor->size_bytes - have;
        strbuf_reserve(&cursor->bytes, (size_t)more);
        TRY(file_read_at(cursor->descriptor, cursor->bytes.bytes + have, (size_t)more, have,
                         cursor->path));
        cursor->bytes.length += (size_t)more;
    }
    *out = cursor->bytes.bytes + cursor->at;
    cursor->at = end;
    return STATUS_OK;
}

enum status gguf_cursor_u32(struct gguf_cursor *cursor, uint32_t *out)
{
    const char *bytes;
    TRY(gguf_cursor_take(cursor, sizeof *out, &bytes));
    memcpy(out, bytes, sizeof *out);
    return STATUS_OK;
}

enum status gguf_cursor_u64(struct gguf_cursor *cursor, uint64_t *out)
{
    const char *bytes;
    TRY(gguf_cursor_take(cursor, sizeof *out, &bytes));
    memcpy(out, bytes, sizeof *out);
    return STATUS_OK;
}

enum status gguf_cursor_name(struct gguf_cursor *cursor, uint64_t max_bytes, const char *what,
                             char **out)
{
    const int64_t place = cursor->at;
    const char *bytes;
    uint64_t length;
    TRY(gguf_cursor_u64(cursor, &length));
    if (length == 0 || length > max_bytes)
        return bad_input("cannot read '%s': %s at byte %" PRId64 " has %" PRIu64
                         " bytes, not 1 to %" PRIu64,
                         cursor->path, what, place, length, max_bytes);
    TRY(gguf_cursor_take(cursor, length, &bytes));
    if (memchr(bytes, '\0', (size_t)length))
        return bad_input("cannot read '%s': %s at byte %" PRId64 " holds NUL", cursor->path, what,
                         place);
    *out = memory_alloc((size_t)length + 1);
    memcpy(*out, bytes, (size_t)length);
    (*out)[length] = '\0';
    return STATUS_OK;
}
