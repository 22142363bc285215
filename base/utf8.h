/* utf8: which bytes are a character. Unicode 15, table 3-7: no overlong forms,
 * no surrogates, nothing beyond U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

#include "base/strbuf.h"

/* Bytes of the character that starts at text[0], reading at most `left` of
 * them: 1 to 4, or 0 where there is none. */
size_t utf8_character_length(const void *text, size_t left);

/* How many bytes from the start on are whole characters: `length`, if all is UTF-8. */
size_t utf8_valid_bytes(const char *text, size_t length);

/* Appends `text` with U+FFFD for each byte that belongs to no character: for JSON. */
void utf8_add_repaired(struct strbuf *out, const char *text, size_t length);

#endif
