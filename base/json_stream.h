/* json_stream: JSON written as it comes, without a tree in between, for what has a hundred thousand
 * members. The same bytes as json_print of the tree, indented.
 *
 *   json_stream_open(&stream, '{');
 *   json_stream_key(&stream, "merges");
 *   json_stream_open(&stream, '[');
 *   json_stream_text(&stream, "a", 1);
 *   json_stream_close(&stream, ']');
 *   json_stream_close(&stream, '}');
 */
#ifndef BASE_JSON_STREAM_H
#define BASE_JSON_STREAM_H

#include <stdbool.h>

#include "base/json.h"

struct json_stream {
    struct strbuf *out;
    int depth;
    bool has_items; /* of what is open, something is written */
    bool after_key;
}; /* { .out = &text } is the start */

void json_stream_open(struct json_stream *stream, char bracket);
void json_stream_close(struct json_stream *stream, char bracket);
void json_stream_key(struct json_stream *stream, const char *key);
void json_stream_text(struct json_stream *stream, const char *text, size_t length); /* UTF-8 */
void json_stream_integer(struct json_stream *stream, int64_t value);
void json_stream_value(struct json_stream *stream, const struct json *value); /* any */

#endif
