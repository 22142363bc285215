#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void strbuf_init(struct strbuf *buffer)
{
    *buffer = (struct strbuf)STRBUF_INIT;
}

void strbuf_release(struct strbuf *buffer)
{
    if (buffer->capacity)
        memory_free(buffer->bytes);
    strbuf_init(buffer);
}

void strbuf_reset(struct strbuf *buffer)
{
    buffer->length = 0;
    if (buffer->capacity)
        buffer->bytes[0] = '\0';
}

void strbuf_cut(struct strbuf *buffer, size_t length)
{
    if (length >= buffer->length)
        return;
    buffer->length = length;
    buffer->bytes[length] = '\0';
}

void strbuf_reserve(struct strbuf *buffer, size_t extra_bytes)
{
    size_t needed;
    CHECK(!__builtin_add_overflow(buffer->length, extra_bytes, &needed) && needed < SIZE_MAX / 2,
          "out of memory: a string of %zu bytes cannot grow by %zu", buffer->length, extra_bytes);
    needed++; /* the NUL */
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity + buffer->capacity / 2; /* growth in linear time */
    if (capacity < needed)
        capacity = needed < 64 ? 64 : needed;
    bool was_empty = buffer->capacity == 0;
    buffer->bytes = memory_realloc(was_empty ? NULL : buffer->bytes, capacity);
    buffer->capacity = capacity;
    if (was_empty)
        buffer->bytes[0] = '\0';
}

void strbuf_add(struct strbuf *buffer, const void *bytes, size_t length)
{
    if (!length)
        return;
    strbuf_reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void strbuf_add_string(struct strbuf *buffer, const char *text)
{
    strbuf_add(buffer, text, strlen(text));
}

void strbuf_add_char(struct strbuf *buffer, char c)
{
    strbuf_add(buffer, &c, 1);
}

void strbuf_addf(struct strbuf *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    strbuf_vaddf(buffer, format, arguments);
    va_end(arguments);
}

void strbuf_vaddf(struct strbuf *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    strbuf_reserve(buffer, 64);
    size_t room = buffer->capacity - buffer->length;
    int length = vsnprintf(buffer->bytes + buffer->length, room, format, arguments);
    CHECK(length >= 0, "format '%s' cannot be printed", format);
    if ((size_t)length >= room) {
        strbuf_reserve(buffer, (size_t)length);
        vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
    }
    buffer->length += (size_t)length;
    va_end(again);
}

void strbuf_add_number(struct strbuf *buffer, double value)
{
    char text[32];
    /* 17 digits tell all doubles apart; 15 always survive the way back. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    strbuf_add_string(buffer, text);
}

char *path_join(const char *folder, const char *name)
{
    struct strbuf path = STRBUF_INIT;
    strbuf_add_string(&path, folder);
    if (path.length && path.bytes[path.length - 1] != '/')
        strbuf_add_char(&path, '/');
    strbuf_add_string(&path, name);
    strbuf_reserve(&path, 0); /* even an empty path is the caller's own block */
    return path.bytes;
}
