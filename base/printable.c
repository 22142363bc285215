#include "base/printable.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 character at `text`, or 0 if there is none that may be
 * shown as it is. Unicode 15, table 3-7; C1 controls (U+0080..U+009F) steer
 * some terminals, so they do not count as text. */
static size_t shown_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    size_t length;
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    else
        return 0;

    if (first == 0xc2 || first == 0xe0)
        low = 0xa0;
    else if (first == 0xf0)
        low = 0x90;
    if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return length;
}

void printable_copy(char *out, size_t size, const char *text)
{
    static const char ellipsis[] = "...";
    size_t used = 0, fits = 0; /* out[0..fits) leaves room for the ellipsis */

    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        char piece[8];
        size_t consumed = shown_length(at), length = consumed;
        if (consumed) {
            memcpy(piece, at, consumed);
        } else {
            consumed = 1;
            if (*at == '\n')
                length = (size_t)snprintf(piece, sizeof piece, "\\n");
            else if (*at == '\t')
                length = (size_t)snprintf(piece, sizeof piece, "\\t");
            else
                length = (size_t)snprintf(piece, sizeof piece, "\\x%02x", *at);
        }
        if (used + length >= size) {
            memcpy(out + fits, ellipsis, sizeof ellipsis);
            return;
        }
        memcpy(out + used, piece, length);
        used += length;
        if (used + sizeof ellipsis <= size)
            fits = used;
        at += consumed;
    }
    out[used] = '\0';
}
