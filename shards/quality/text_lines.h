/* text_lines: a text, line by line. Lines end at '\n' alone; what else may end one (a carriage
 * return before it) is white space at their ends. */
#ifndef SHARDS_TEXT_LINES_H
#define SHARDS_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shards/tokenizer/text_character.h"

struct text_span {
    const char *start;
    size_t length;
};

/* Takes the next line from `rest`, without its '\n'; false at the end. */
static inline bool text_next_line(struct text_span *rest, struct text_span *line)
{
    if (rest->length == 0)
        return false;
    const char *newline = memchr(rest->start, '\n', rest->length);
    line->start = rest->start;
    line->length = newline ? (size_t)(newline - rest->start) : rest->length;
    const size_t taken = line->length + (newline != NULL);
    rest->start += taken;
    rest->length -= taken;
    return true;
}

/* Without white space at both ends. */
static inline struct text_span text_strip(struct text_span line)
{
    struct text_character character;
    while (line.length > 0 &&
           (character = text_character_at(line.start, line.length)).classes & TEXT_SPACE) {
        line.start += character.bytes;
        line.length -= character.bytes;
    }
    while (line.length > 0 &&
           (character = text_character_before(line.start, line.length)).classes & TEXT_SPACE)
        line.length -= character.bytes;
    return line;
}

static inline bool text_starts_with(struct text_span line, const char *with)
{
    const size_t length = strlen(with);
    return line.length >= length && memcmp(line.start, with, length) == 0;
}

static inline bool text_ends_with(struct text_span line, const char *with)
{
    const size_t length = strlen(with);
    return line.length >= length && memcmp(line.start + line.length - length, with, length) == 0;
}

#endif
