/* json_line: a few fields of one JSON object (RFC 8259), found without building it.
 *
 * The whole line is looked at and must be one valid object: numbers, escapes and
 * white space to the letter, no byte below 0x20 in a string, \u escapes that
 * make characters (a lone surrogate does not), at most JSON_LINE_MAX_DEPTH
 * levels. Of a key that comes twice the last value counts, as in Python's json.
 * Nothing is allocated but the fields' own text, and nothing recurs.
 *
 * Not base/json.h, which builds a tree: ten times slower than gzip.
 */
#ifndef SHARDS_JSON_LINE_H
#define SHARDS_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum { JSON_LINE_MAX_DEPTH = 1000, JSON_LINE_MAX_KEY = 255 };

enum json_field_kind { JSON_FIELD_ABSENT, JSON_FIELD_STRING, JSON_FIELD_NUMBER, JSON_FIELD_OTHER };

struct json_field {
    const char *key; /* of the outermost object; at most JSON_LINE_MAX_KEY bytes, valid UTF-8 */
    struct strbuf *value;      /* of a string its characters as UTF-8, of a number its digits */
    enum json_field_kind kind; /* set by the scan; the value is only good if it succeeds */
};

/* `line` must be valid UTF-8. False: it is no such object. */
bool json_line_scan(const char *line, size_t length, struct json_field *fields, int field_count);

#endif
