#include "base/json_stream.h"

#include <stdio.h>
#include <string.h>

static void begin_value(struct json_stream *stream)
{
    if (!stream->after_key && stream->depth > 0) {
        if (stream->has_items)
            strbuf_add_char(stream->out, ',');
        json_print_new_line(stream->depth, stream->out);
    }
    stream->after_key = false;
    stream->has_items = true;
}

void json_stream_open(struct json_stream *stream, char bracket)
{
    begin_value(stream);
    strbuf_add_char(stream->out, bracket);
    stream->depth++;
    stream->has_items = false;
}

void json_stream_close(struct json_stream *stream, char bracket)
{
    stream->depth--;
    if (stream->has_items)
        json_print_new_line(stream->depth, stream->out);
    strbuf_add_char(stream->out, bracket);
    stream->has_items = true; /* of what it lies in */
}

void json_stream_key(struct json_stream *stream, const char *key)
{
    begin_value(stream);
    json_print_text(key, strlen(key), stream->out);
    strbuf_add(stream->out, ": ", 2);
    stream->after_key = true;
}

void json_stream_text(struct json_stream *stream, const char *text, size_t length)
{
    begin_value(stream);
    json_print_text(text, length, stream->out);
}

void json_stream_integer(struct json_stream *stream, int64_t value)
{
    char digits[24];
    begin_value(stream);
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    strbuf_add(stream->out, digits, (size_t)length);
}

void json_stream_value(struct json_stream *stream, const struct json *value)
{
    begin_value(stream);
    json_print_at(value, JSON_INDENTED, stream->depth, stream->out);
}
