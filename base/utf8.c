#include "base/utf8.h"

#include <stdbool.h>

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

/* A loop that the compiler turns into vector instructions. */
static bool is_ascii(const char *text, size_t length)
{
    unsigned char all = 0;
    for (size_t i = 0; i < length; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

static bool is_continued(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Characters of two and three bytes come in runs, in scripts that are made of them; those of three
 * are looked at here unless their second byte is bounded further (first byte 0xe0 or 0xed). */
static size_t valid_run(const unsigned char *text, size_t length)
{
    size_t at = 0;
    while (length - at >= 4) {
        const unsigned char *byte = text + at;
        if (byte[0] < 0x80)
            at += 1;
        else if (byte[0] >= 0xc2 && byte[0] <= 0xdf && is_continued(byte[1]))
            at += 2;
        else if ((byte[0] & 0xf0) == 0xe0 && byte[0] != 0xe0 && byte[0] != 0xed &&
                 is_continued(byte[1]) && is_continued(byte[2]))
            at += 3;
        else
            break;
    }
    return at;
}

size_t utf8_valid_bytes(const char *text, size_t length)
{
    const size_t block = 64;
    size_t at = 0;
    while (at < length) {
        if (length - at >= block && is_ascii(text + at, block)) {
            at += block;
            continue;
        }
        size_t end = length - at < 2 * block ? length : at + block;
        at += valid_run((const unsigned char *)text + at, end - at);
        size_t step = utf8_character_length(text + at, length - at);
        if (step == 0 && at < length)
            return at;
        at += step;
    }
    return length;
}

void utf8_add_repaired(struct strbuf *out, const char *text, size_t length)
{
    for (size_t valid; length > 0; text += valid, length -= valid) {
        valid = utf8_valid_bytes(text, length);
        strbuf_add(out, text, valid);
        if (valid == length)
            break;
        strbuf_add_string(out, "\xEF\xBF\xBD");
        valid++;
    }
}
