#include "shards/tokenizer/byte_letters.h"

#define PRINTING 188 /* bytes that stand for themselves */

static bool prints(int byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/* Runs of bytes that stand for themselves come first, then the runs between them. */
int byte_letter_order(unsigned char byte)
{
    if (byte <= 0x20)
        return PRINTING + byte;
    if (byte <= 0x7e)
        return byte - 0x21;
    if (byte <= 0xa0)
        return PRINTING + 0x21 + byte - 0x7f;
    if (byte <= 0xac)
        return 0x5e + byte - 0xa1;
    return byte == 0xad ? 255 : 0x6a + byte - 0xae;
}

static int letter_of(unsigned char byte)
{
    return prints(byte) ? byte : 0x100 + byte_letter_order(byte) - PRINTING;
}

void byte_letters_print(struct strbuf *out, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++) {
        int letter = letter_of(byte[i]);
        if (letter >= 0x80)
            strbuf_add_char(out, (char)(0xc0 | letter >> 6));
        strbuf_add_char(out, (char)(letter >= 0x80 ? 0x80 | (letter & 0x3f) : letter));
    }
}

/* The byte of a letter below U+0144, or -1. */
static int byte_of(int letter)
{
    const int order = letter - 0x100; /* among the bytes that do not stand for themselves */
    if (letter < 0x100)
        return prints(letter) ? letter : -1;
    if (order <= 0x20)
        return order;
    if (order <= 0x42)
        return 0x7f + order - 0x21;
    return order == 0x43 ? 0xad : -1;
}

bool byte_letters_parse(struct strbuf *out, const char *letters, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int letter = (unsigned char)letters[i];
        if (letter >= 0x80) { /* U+0080 to U+07FF: two bytes */
            if (i + 1 == length || (letter & 0xe0) != 0xc0 || (letters[i + 1] & 0xc0) != 0x80)
                return false;
            letter = (letter & 0x1f) << 6 | (letters[++i] & 0x3f);
            if (letter < 0x80)
                return false;
        }
        int byte = byte_of(letter);
        if (byte < 0)
            return false;
        strbuf_add_char(out, (char)byte);
    }
    return true;
}
