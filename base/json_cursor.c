#include "base/json_cursor.h"

#include <string.h>

#include "base/memory.h"

void json_cursor_init(struct json_cursor *cursor, const char *text, size_t length,
                      const char *source)
{
    *cursor = (struct json_cursor){ .text = text, .source = source, .length = length };
}

static void leave(struct json_cursor *cursor)
{
    struct json_level *level = &cursor->levels[--cursor->depth];
    for (int i = 0; i < JSON_CURSOR_KEYS && level->keys[i]; i++)
        memory_free(level->keys[i]);
    memset(level, 0, sizeof *level);
}

void json_cursor_release(struct json_cursor *cursor)
{
    while (cursor->depth > 0)
        leave(cursor);
}

static enum status wrong(const struct json_cursor *cursor, const char *what)
{
    int line = 1;
    for (size_t i = 0; i < cursor->at; i++)
        line += cursor->text[i] == '\n';
    return bad_input("cannot read '%s' as JSON: line %d: %s", cursor->source, line, what);
}

/* The next character that is no white space, '\0' at the end. */
static char peek(struct json_cursor *cursor)
{
    while (cursor->at < cursor->length && strchr(" \t\r\n", cursor->text[cursor->at]) &&
           cursor->text[cursor->at] != '\0')
        cursor->at++;
    return cursor->at < cursor->length ? cursor->text[cursor->at] : '\0';
}

enum status json_cursor_enter(struct json_cursor *cursor, char opening, const char *what)
{
    CHECK(cursor->depth < JSON_CURSOR_DEPTH, "json: entered too deep");
    if (peek(cursor) != opening)
        return bad_input("cannot read '%s': %s is not %s", cursor->source, what,
                         opening == '{' ? "an object" : "an array");
    cursor->at++;
    cursor->levels[cursor->depth++].closing = opening == '{' ? '}' : ']';
    return STATUS_OK;
}

/* Past the comma to the next member, or past the end. */
static enum status next(struct json_cursor *cursor, bool *there_is_one)
{
    struct json_level *level = &cursor->levels[cursor->depth - 1];
    const char found = peek(cursor);
    *there_is_one = found != level->closing;
    if (!*there_is_one) {
        cursor->at++;
        leave(cursor);
        return STATUS_OK;
    }
    if (level->members++ == 0)
        return STATUS_OK;
    if (found != ',')
        return wrong(cursor,
                     level->closing == '}' ? "',' or '}' belongs here" : "',' or ']' belongs here");
    cursor->at++;
    return STATUS_OK;
}

static enum status add_key(struct json_cursor *cursor, const char *key)
{
    struct json_level *level = &cursor->levels[cursor->depth - 1];
    for (int i = 0; i < JSON_CURSOR_KEYS; i++) {
        if (level->keys[i] == NULL) {
            level->keys[i] = memory_copy_string(key);
            return STATUS_OK;
        }
        if (strcmp(level->keys[i], key) == 0)
            return wrong(cursor, "this key was there before");
    }
    return wrong(cursor, "the object has too many members");
}

enum status json_cursor_next_key(struct json_cursor *cursor, const char **key)
{
    bool there_is_one;
    struct json *text;
    *key = NULL;
    TRY(next(cursor, &there_is_one));
    if (!there_is_one)
        return STATUS_OK;
    if (peek(cursor) != '"')
        return wrong(cursor, "a key belongs here");
    const struct json_level *level = &cursor->levels[cursor->depth - 1];
    TRY(json_cursor_value(cursor, &text));
    bool is_plain = strlen(json_text(text)) == json_text_length(text);
    enum status status =
        is_plain ? add_key(cursor, json_text(text)) : wrong(cursor, "NUL in a key");
    json_free(text);
    TRY(status);
    if (peek(cursor) != ':')
        return wrong(cursor, "':' belongs here");
    cursor->at++;
    *key = level->keys[level->members - 1];
    return STATUS_OK;
}

enum status json_cursor_next_item(struct json_cursor *cursor, bool *there_is_one)
{
    return next(cursor, there_is_one);
}

enum status json_cursor_value(struct json_cursor *cursor, struct json **out)
{
    size_t used = 0;
    peek(cursor);
    if (json_parse_first(cursor->text + cursor->at, cursor->length - cursor->at, cursor->source,
                         out, &used) != STATUS_OK)
        return wrong(cursor, "no valid value begins here");
    cursor->at += used;
    return STATUS_OK;
}

enum status json_cursor_skip(struct json_cursor *cursor)
{
    struct json *value;
    TRY(json_cursor_value(cursor, &value));
    json_free(value);
    return STATUS_OK;
}

enum status json_cursor_end(struct json_cursor *cursor)
{
    peek(cursor);
    if (cursor->at < cursor->length)
        return wrong(cursor, "the end of the text belongs here");
    return STATUS_OK;
}
