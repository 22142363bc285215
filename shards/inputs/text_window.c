#include "shards/inputs/text_window.h"

#include <string.h>

#include "base/memory.h"

#define LEAST_READ (TEXT_WINDOW_BYTES / 4)

enum status text_window_open(const char *path, size_t input_bytes, struct text_window *window)
{
    *window = (struct text_window){ 0 };
    TRY(text_source_open(path, input_bytes, &window->source));
    window->capacity = TEXT_WINDOW_BYTES;
    window->bytes = memory_alloc(window->capacity);
    return STATUS_OK;
}

void text_window_release(struct text_window *window)
{
    text_source_close(window->source);
    memory_free(window->bytes);
    *window = (struct text_window){ 0 };
}

const char *text_window_name(const struct text_window *window)
{
    return text_source_name(window->source);
}

/* Room for LEAST_READ bytes after `end`. Growth doubles, so that a long line costs linear time. */
static void make_room(struct text_window *window)
{
    if (window->capacity - window->end >= LEAST_READ && window->capacity == TEXT_WINDOW_BYTES)
        return;
    size_t length = text_window_length(window);
    if (window->begin > 0)
        memmove(window->bytes, window->bytes + window->begin, length);
    window->begin = 0;
    window->end = length;
    size_t capacity = window->capacity;
    if (length <= TEXT_WINDOW_BYTES - LEAST_READ)
        capacity = TEXT_WINDOW_BYTES;
    else if (capacity - length < LEAST_READ)
        capacity *= 2;
    if (capacity != window->capacity)
        window->bytes = memory_realloc(window->bytes, capacity);
    window->capacity = capacity;
}

static enum status read_more(struct text_window *window)
{
    size_t got;
    make_room(window);
    size_t room = window->capacity - window->end;
    if (room > TEXT_WINDOW_BYTES)
        room = TEXT_WINDOW_BYTES;
    TRY(text_source_read(window->source, window->bytes + window->end, room, &got));
    window->end += got;
    window->at_end = got == 0;
    return STATUS_OK;
}

enum status text_window_fill(struct text_window *window, size_t wanted)
{
    while (text_window_length(window) < wanted && !window->at_end)
        TRY(read_more(window));
    return STATUS_OK;
}

enum status text_window_find_line(struct text_window *window, size_t longest, size_t *length,
                                  bool *whole)
{
    size_t looked_at = 0;
    for (;;) {
        const char *bytes = text_window_bytes(window);
        size_t in_sight = text_window_length(window);
        const char *line_end =
            in_sight > looked_at ? memchr(bytes + looked_at, '\n', in_sight - looked_at) : NULL;
        *length = line_end ? (size_t)(line_end - bytes) + 1 : in_sight;
        *whole = *length <= longest;
        if (line_end || window->at_end || !*whole)
            return STATUS_OK;
        looked_at = in_sight;
        TRY(read_more(window));
    }
}

void text_window_use(struct text_window *window, size_t bytes)
{
    CHECK(bytes <= text_window_length(window), "%zu of %zu bytes cannot be used", bytes,
          text_window_length(window));
    window->begin += bytes;
    window->offset += (int64_t)bytes;
}

enum status text_window_skip_line(struct text_window *window)
{
    for (;;) {
        TRY(text_window_fill(window, 1));
        const char *bytes = text_window_bytes(window);
        size_t in_sight = text_window_length(window);
        const char *line_end = in_sight > 0 ? memchr(bytes, '\n', in_sight) : NULL;
        text_window_use(window, line_end ? (size_t)(line_end - bytes) + 1 : in_sight);
        if (line_end || in_sight == 0)
            return STATUS_OK;
    }
}

enum status text_window_take(struct text_window *window, int64_t bytes, int64_t room,
                             struct strbuf *out, int64_t *passed)
{
    for (*passed = 0; *passed < bytes;) {
        TRY(text_window_fill(window, 1));
        int64_t step = (int64_t)text_window_length(window);
        if (step == 0)
            break;
        if (step > bytes - *passed)
            step = bytes - *passed;
        int64_t kept = room - *passed < step ? room - *passed : step;
        if (out && kept > 0)
            strbuf_add(out, text_window_bytes(window), (size_t)kept);
        text_window_use(window, (size_t)step);
        *passed += step;
    }
    return STATUS_OK;
}
