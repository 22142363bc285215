#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_character_length(const void *text, size_t left)
{
    const unsigned char *byte = text;
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t length;

    if (!left)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
        length = 2;
    else if (byte[0] >= 0xe0 && byte[0] <= 0xef)
        length = 3;
    else if (byte[0] >= 0xf0 && byte[0] <= 0xf4)
        length = 4;
    else
        return 0;

    if (byte[0] == 0xe0)
        low = 0xa0;
    else if (byte[0] == 0xed)
        high = 0x9f;
    else if (byte[0] == 0xf0)
        low = 0x90;
    else if (byte[0] == 0xf4)
        high = 0x8f;
    if (left < length || byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (byte[i] < 0x80 || byte[i] > 0xbf)
            return 0;
    return length;
}

size_t utf8_valid_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t word;
        if (length - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                at += sizeof word;
                continue;
            }
        }
        size_t step = utf8_character_length(text + at, length - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

void utf8_add_repaired(struct strbuf *out, const char *text, size_t length)
{
    while (length > 0) {
        size_t step = utf8_character_length(text, length);
        if (step > 0)
            strbuf_add(out, text, step);
        else
            strbuf_add_string(out, "\xEF\xBF\xBD");
        step += step == 0;
        text += step;
        length -= step;
    }
}
