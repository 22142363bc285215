#include "shards/tokenizer/text_character.h"

#include <stdbool.h>

#include "base/utf8.h"

/* clang-format off */
const uint8_t text_ascii_class[256] = {
    [0x00 ... 0x08] = TEXT_PUNCTUATION, [0x09 ... 0x0d] = TEXT_SPACE,
    [0x0e ... 0x1b] = TEXT_PUNCTUATION, [0x1c ... 0x1f] = TEXT_SPACE,
    [' '] = TEXT_SPACE,                 ['!' ... '/'] = TEXT_PUNCTUATION,
    ['0' ... '9'] = TEXT_DIGIT,         [':' ... '@'] = TEXT_PUNCTUATION,
    ['A' ... 'Z'] = TEXT_LETTER,        ['[' ... '`'] = TEXT_PUNCTUATION,
    ['a' ... 'z'] = TEXT_LETTER,        ['{' ... 0x7f] = TEXT_PUNCTUATION,
};
/* clang-format on */

struct text_range {
    uint32_t first, last;
    unsigned classes;
};

/* What is no letter from U+0080 on, and letters that stand for words; ascending. */
static const struct text_range ranges[] = {
    { 0x80, 0x84, TEXT_PUNCTUATION },
    { 0x85, 0x85, TEXT_SPACE },
    { 0x86, 0x9f, TEXT_PUNCTUATION },
    { 0xa0, 0xa0, TEXT_SPACE },
    { 0xa1, 0xa1, TEXT_PUNCTUATION },
    { 0xa2, 0xa6, TEXT_SYMBOL },
    { 0xa7, 0xa7, TEXT_PUNCTUATION },
    { 0xa8, 0xa9, TEXT_SYMBOL },
    { 0xab, 0xab, TEXT_PUNCTUATION },
    { 0xac, 0xb1, TEXT_SYMBOL },
    { 0xb2, 0xb3, TEXT_DIGIT },
    { 0xb4, 0xb4, TEXT_PUNCTUATION },
    { 0xb6, 0xb7, TEXT_PUNCTUATION },
    { 0xb8, 0xb8, TEXT_SYMBOL },
    { 0xb9, 0xb9, TEXT_DIGIT },
    { 0xbb, 0xbb, TEXT_PUNCTUATION },
    { 0xbc, 0xbe, TEXT_DIGIT },
    { 0xbf, 0xbf, TEXT_PUNCTUATION },
    { 0xd7, 0xd7, TEXT_SYMBOL },
    { 0xf7, 0xf7, TEXT_SYMBOL },
    { 0x37e, 0x37e, TEXT_PUNCTUATION },
    { 0x387, 0x387, TEXT_PUNCTUATION },
    { 0x55a, 0x55f, TEXT_PUNCTUATION },
    { 0x589, 0x58a, TEXT_PUNCTUATION },
    { 0x5be, 0x5be, TEXT_PUNCTUATION },
    { 0x5f3, 0x5f4, TEXT_PUNCTUATION },
    { 0x600, 0x60b, TEXT_SYMBOL },
    { 0x60c, 0x60f, TEXT_PUNCTUATION },
    { 0x61b, 0x61f, TEXT_PUNCTUATION },
    { 0x660, 0x669, TEXT_DIGIT },
    { 0x66a, 0x66d, TEXT_PUNCTUATION },
    { 0x6d4, 0x6d4, TEXT_PUNCTUATION },
    { 0x6f0, 0x6f9, TEXT_DIGIT },
    { 0x964, 0x965, TEXT_PUNCTUATION },
    { 0x966, 0x96f, TEXT_DIGIT },
    { 0xe01, 0xe3e, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xe3f, 0xe3f, TEXT_SYMBOL },
    { 0xe40, 0xe4e, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xe4f, 0xe5b, TEXT_DIGIT },
    { 0xe80, 0xeff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x1000, 0x1049, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x104a, 0x104f, TEXT_PUNCTUATION },
    { 0x1361, 0x1368, TEXT_PUNCTUATION },
    { 0x1680, 0x1680, TEXT_SPACE },
    { 0x1780, 0x17d3, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x17d4, 0x17da, TEXT_PUNCTUATION },
    { 0x2000, 0x200a, TEXT_SPACE },
    { 0x200b, 0x2027, TEXT_PUNCTUATION },
    { 0x2028, 0x2029, TEXT_SPACE },
    { 0x202a, 0x202e, TEXT_PUNCTUATION },
    { 0x202f, 0x202f, TEXT_SPACE },
    { 0x2030, 0x205e, TEXT_PUNCTUATION },
    { 0x205f, 0x205f, TEXT_SPACE },
    { 0x2060, 0x206f, TEXT_PUNCTUATION },
    { 0x2070, 0x2bff, TEXT_SYMBOL },
    { 0x2e00, 0x2e7f, TEXT_PUNCTUATION },
    { 0x2e80, 0x2fff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x3000, 0x3000, TEXT_SPACE },
    { 0x3001, 0x3004, TEXT_PUNCTUATION },
    { 0x3005, 0x3007, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x3008, 0x3020, TEXT_PUNCTUATION },
    { 0x3021, 0x302f, TEXT_DIGIT },
    { 0x3030, 0x303f, TEXT_PUNCTUATION },
    { 0x3040, 0x30fa, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x30fb, 0x30fb, TEXT_PUNCTUATION },
    { 0x30fc, 0x30ff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0x3200, 0x33ff, TEXT_SYMBOL },
    { 0x3400, 0x9fff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xe000, 0xf8ff, TEXT_SYMBOL },
    { 0xf900, 0xfaff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xfe10, 0xfe1f, TEXT_PUNCTUATION },
    { 0xfe30, 0xfe6f, TEXT_PUNCTUATION },
    { 0xfeff, 0xff0f, TEXT_PUNCTUATION },
    { 0xff10, 0xff19, TEXT_DIGIT },
    { 0xff1a, 0xff20, TEXT_PUNCTUATION },
    { 0xff3b, 0xff40, TEXT_PUNCTUATION },
    { 0xff5b, 0xff65, TEXT_PUNCTUATION },
    { 0xff66, 0xff9f, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xffe0, 0xffff, TEXT_SYMBOL },
    { 0x1f000, 0x1fbff, TEXT_SYMBOL },
    { 0x20000, 0x3ffff, TEXT_LETTER | TEXT_IDEOGRAPH },
    { 0xe0000, 0x10ffff, TEXT_SYMBOL },
};

static unsigned classes_of(uint32_t code)
{
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ranges[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < sizeof ranges / sizeof *ranges && ranges[low].first <= code;
    return found ? ranges[low].classes : TEXT_LETTER;
}

struct text_character text_character_at(const char *text, size_t left)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80)
        return (struct text_character){ byte[0], 1, text_ascii_class[byte[0]] };

    static const unsigned char first_bits[] = { 0, 0, 0x1f, 0x0f, 0x07 };
    const size_t bytes = utf8_character_length(text, left);
    if (bytes == 0)
        return (struct text_character){ 0xfffd, 1, TEXT_SYMBOL };
    uint32_t code = byte[0] & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        code = code << 6 | (byte[i] & 0x3fu);
    return (struct text_character){ code, (uint32_t)bytes, classes_of(code) };
}

struct text_character text_character_before(const char *text, size_t length)
{
    for (size_t bytes = 1; bytes <= 4 && bytes <= length; bytes++) {
        if ((text[length - bytes] & 0xc0) == 0x80)
            continue;
        const struct text_character character = text_character_at(text + length - bytes, bytes);
        if (character.bytes == bytes)
            return character;
        break;
    }
    return (struct text_character){ 0xfffd, 1, TEXT_SYMBOL };
}

bool text_is_terminal(uint32_t code)
{
    static const uint32_t beyond_ascii[] = {
        0x0589, 0x061d, 0x061e, 0x061f, 0x06d4, 0x0964, 0x0965, 0x104a, 0x104b,
        0x1362, 0x1367, 0x1368, 0x17d4, 0x17d5, 0x203c, 0x203d, 0x2047, 0x2048,
        0x2049, 0x3002, 0xfe52, 0xfe56, 0xfe57, 0xff01, 0xff0e, 0xff1f, 0xff61,
    };
    if (code < 0x80)
        return code == '.' || code == '!' || code == '?';
    for (size_t i = 0; i < sizeof beyond_ascii / sizeof *beyond_ascii; i++)
        if (beyond_ascii[i] == code)
            return true;
    return false;
}

size_t text_count_characters(const char *text, size_t length)
{
    size_t following = 0; /* bytes 10xxxxxx */
    for (size_t i = 0; i < length; i++)
        following += (text[i] & 0xc0) == 0x80;
    return length - following;
}

/* Latin Extended-A: capitals stand before their small letters, at even places in most of it. */
static uint32_t lower_extended_latin(uint32_t code)
{
    if (code == 0x130 || code == 0x138 || code == 0x149 || code == 0x17f)
        return code == 0x130 ? 'i' : code;
    if (code == 0x178)
        return 0xff;
    const bool capitals_are_odd = (code >= 0x139 && code <= 0x148) || code >= 0x179;
    return (code & 1) == capitals_are_odd ? code + 1 : code;
}

static uint32_t lower_greek(uint32_t code)
{
    if (code >= 0x391 && code <= 0x3ab && code != 0x3a2)
        return code + 0x20;
    if (code >= 0x388 && code <= 0x38a)
        return code + 0x25;
    if (code == 0x386)
        return 0x3ac;
    if (code == 0x38c)
        return 0x3cc;
    return code == 0x38e || code == 0x38f ? code + 0x3f : code;
}

uint32_t text_lower(uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 0x20 : code;
    if (code < 0x100)
        return code >= 0xc0 && code <= 0xde && code != 0xd7 ? code + 0x20 : code;
    if (code < 0x180)
        return lower_extended_latin(code);
    if (code >= 0x370 && code < 0x3f0)
        return lower_greek(code);
    if (code >= 0x400 && code <= 0x42f)
        return code + (code < 0x410 ? 0x50 : 0x20);
    if ((code >= 0x460 && code <= 0x481) || (code >= 0x48a && code <= 0x4bf) ||
        (code >= 0x4d0 && code <= 0x52f))
        return code | 1;
    if (code >= 0x531 && code <= 0x556)
        return code + 0x30;
    if ((code >= 0x1e00 && code <= 0x1e95) || (code >= 0x1ea0 && code <= 0x1eff))
        return code | 1;
    return code;
}
