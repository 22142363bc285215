/* json_cursor: a long JSON text, walked value by value.
 *
 * Of a list of 100,000 objects only one is in memory at a time: the objects and
 * arrays that are entered are walked here, each value in them is read by
 * json_parse, as strictly. Where the text is wrong, the walk says so with the
 * line, and nothing can be read any more.
 *
 *   json_cursor_init(&cursor, text, length, "corpus.json");
 *   TRY(json_cursor_enter(&cursor, '{'));
 *   for (;;) {
 *       TRY(json_cursor_next_key(&cursor, &key));        NULL: the object has ended
 *       ... json_cursor_enter(&cursor, '['), json_cursor_value or json_cursor_skip ...
 *   }
 *   TRY(json_cursor_end(&cursor));
 */
#ifndef BASE_JSON_CURSOR_H
#define BASE_JSON_CURSOR_H

#include "base/json.h"

enum { JSON_CURSOR_DEPTH = 8, JSON_CURSOR_KEYS = 64 };

struct json_cursor {
    const char *text, *source; /* borrowed */
    size_t length, at;
    struct json_level {
        char closing;    /* '}' or ']' */
        int64_t members; /* before the cursor */
        char *keys[JSON_CURSOR_KEYS];
    } levels[JSON_CURSOR_DEPTH]; /* that were entered and have not ended */
    int depth;
};

void json_cursor_init(struct json_cursor *cursor, const char *text, size_t length,
                      const char *source);
void json_cursor_release(struct json_cursor *cursor);

/* Into the object '{' or array '[' that must be next; `what` names it in messages. */
enum status json_cursor_enter(struct json_cursor *cursor, char opening, const char *what);
/* The next member's key, valid until the object's end; NULL: it has ended, and was left. A key
 * that was there before is bad input, and so are more than JSON_CURSOR_KEYS. */
enum status json_cursor_next_key(struct json_cursor *cursor, const char **key);
/* Whether the array goes on; false: it was left. */
enum status json_cursor_next_item(struct json_cursor *cursor, bool *there_is_one);
/* The value, which the caller frees. */
enum status json_cursor_value(struct json_cursor *cursor, struct json **out);
enum status json_cursor_skip(struct json_cursor *cursor);
/* Nothing but white space may be left. */
enum status json_cursor_end(struct json_cursor *cursor);

#endif
