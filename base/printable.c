#include "base/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Bytes of the character at `text` if it may be shown as it is, else 0. The C1
 * controls (U+0080 to U+009F) steer some terminals, so they do not count as text. */
static size_t shown_length(const unsigned char *text, size_t left)
{
    bool control = text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
    return control ? 0 : utf8_character_length(text, left);
}

static size_t escape(char piece[8], unsigned char byte)
{
    switch (byte) {
    case '\n':
        return (size_t)sprintf(piece, "\\n");
    case '\t':
        return (size_t)sprintf(piece, "\\t");
    default:
        return (size_t)sprintf(piece, "\\x%02x", byte);
    }
}

void printable_copy(char *out, size_t size, const char *text)
{
    static const char ellipsis[] = "...";
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    size_t used = 0, fits = 0; /* out[0..fits) leaves room for the ellipsis */

    while (at < end) {
        char piece[8];
        size_t shown = shown_length(at, (size_t)(end - at)), length = shown;
        if (shown)
            memcpy(piece, at, shown);
        else
            length = escape(piece, *at);
        if (used + length >= size) {
            memcpy(out + fits, ellipsis, sizeof ellipsis);
            return;
        }
        memcpy(out + used, piece, length);
        used += length;
        if (used + sizeof ellipsis <= size)
            fits = used;
        at += shown ? shown : 1;
    }
    out[used] = '\0';
}
