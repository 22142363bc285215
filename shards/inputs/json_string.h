/* json_string: the strings of JSON (RFC 8259, section 7), as they stand in text. */
#ifndef SHARDS_JSON_STRING_H
#define SHARDS_JSON_STRING_H

#include <stddef.h>

/* Bytes that json_string_scan may write beyond the string's own. */
enum { JSON_STRING_SLACK = 16 };

/* `text` follows the opening quote; returns the place after the closing one, or NULL if what is
 * there is no string. The characters go to `out` (NULL: nowhere), *written bytes of UTF-8, never
 * more than stand in the text; JSON_STRING_SLACK more may be written over. `text` must be UTF-8. */
const char *json_string_scan(const char *text, const char *end, char *out, size_t *written);

#endif
