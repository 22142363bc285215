/* text_window: the part of a text_source that is being looked at, in one piece.
 *
 *   text      ... | used | in sight            | not yet read ...
 *   bytes         [      begin            end      ] capacity
 *                        ^ offset, in the inflated text
 *
 * The window grows while a reader asks for more at once than it holds, and
 * shrinks back to WINDOW_BYTES afterwards. Copying it moves it: no pointer leads
 * to the struct itself.
 */
#ifndef SHARDS_TEXT_WINDOW_H
#define SHARDS_TEXT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"
#include "shards/inputs/text_source.h"

#define TEXT_WINDOW_BYTES ((size_t)256 << 10)

struct text_window {
    struct text_source *source;
    char *bytes;
    size_t capacity, begin, end;
    int64_t offset; /* of bytes[begin] */
    bool at_end;    /* the source has no more */
};

/* `input_bytes`: as text_source_open takes it; `path` may be "-". */
enum status text_window_open(const char *path, size_t input_bytes, struct text_window *window);
void text_window_release(struct text_window *window); /* a zeroed one is allowed */

/* What messages call it. */
const char *text_window_name(const struct text_window *window);

static inline const char *text_window_bytes(const struct text_window *window)
{
    return window->bytes + window->begin;
}

static inline size_t text_window_length(const struct text_window *window)
{
    return window->end - window->begin;
}

/* Reads until `wanted` bytes are in sight, or the text ends. Pointers into the window die. */
enum status text_window_fill(struct text_window *window, size_t wanted);

/* The next line: *length bytes with its line end, which the last one may lack; 0 at the end of the
 * text. *whole = false: no line end came within `longest` bytes; more than those are in sight. */
enum status text_window_find_line(struct text_window *window, size_t longest, size_t *length,
                                  bool *whole);

/* `bytes` of those in sight are done with. */
void text_window_use(struct text_window *window, size_t bytes);

/* Goes on to the next line, however long this one is. */
enum status text_window_skip_line(struct text_window *window);

/* Passes over `bytes`, of which the first `room` at most are appended to `out` (NULL: none).
 * *passed is less than `bytes` at the end of the text alone. */
enum status text_window_take(struct text_window *window, int64_t bytes, int64_t room,
                             struct strbuf *out, int64_t *passed);

#endif
