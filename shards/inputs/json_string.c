#include "shards/inputs/json_string.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How many of the WIDTH bytes at `text` come before a quote, a backslash or a control character. */
#ifdef __SSE2__
#define WIDTH 16

static size_t plain_bytes(const char *text)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)text);
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i special =
        _mm_or_si128(_mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    const unsigned found = (unsigned)_mm_movemask_epi8(special);
    return found ? (size_t)__builtin_ctz(found) : WIDTH;
}
#else
#define WIDTH            8
#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Bit 7 of the lowest byte that is zero is set, and none below it; bits above it mean nothing.
 * Bit Twiddling Hacks, "Determine if a word has a zero byte". */
static uint64_t zero_byte(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

static size_t plain_bytes(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    word = le64toh(word); /* the first byte in the lowest place */
    uint64_t special = zero_byte(word ^ EACH_BYTE('"')) | zero_byte(word ^ EACH_BYTE('\\')) |
                       ((word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80));
    return special ? (size_t)__builtin_ctzll(special) / 8 : WIDTH;
}
#endif

/* Four hexadecimal digits, or -1. */
static int32_t hexadecimal(const char *text, const char *end)
{
    int32_t value = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The character of \uXXXX, or of two that are a surrogate pair; `text` follows the "\u".
 * Returns the place after it, or NULL. */
static const char *scan_escaped_character(const char *text, const char *end, int32_t *character)
{
    int32_t first = hexadecimal(text, end);
    *character = first;
    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff))
        return NULL;
    text += 4;
    if (first < 0xd800 || first > 0xdfff)
        return text;
    if (end - text < 2 || text[0] != '\\' || text[1] != 'u')
        return NULL;
    int32_t second = hexadecimal(text + 2, end);
    if (second < 0xdc00 || second > 0xdfff)
        return NULL;
    *character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    return text + 6;
}

static size_t put_character(char *out, int32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[length] | c);
    return length;
}

/* What a backslash and `name` stand for; 0: nothing. */
static char escaped(char name)
{
    switch (name) {
    case '"':
    case '\\':
    case '/':
        return name;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* `text` follows the backslash; returns the place after the escape, or NULL. `out` has room for 4
 * bytes. */
static const char *scan_escape(const char *text, const char *end, char *out, size_t *written)
{
    if (text == end)
        return NULL;
    if (*text == 'u') {
        int32_t character;
        text = scan_escaped_character(text + 1, end, &character);
        *written = text ? put_character(out, character) : 0;
        return text;
    }
    *out = escaped(*text);
    *written = 1;
    return *out ? text + 1 : NULL;
}

/* The bytes before the next quote, backslash or control character, or before `end`. */
static const char *scan_plain(const char *text, const char *end, char **out)
{
    size_t step = WIDTH;
    while (end - text >= WIDTH && step == WIDTH) {
        step = plain_bytes(text);
        if (*out) {
            memcpy(*out, text, WIDTH);
            *out += step;
        }
        text += step;
    }
    while (step == WIDTH && text < end && *text != '"' && *text != '\\' &&
           (unsigned char)*text >= 0x20) {
        if (*out)
            *(*out)++ = *text;
        text++;
    }
    return text;
}

const char *json_string_scan(const char *text, const char *end, char *out, size_t *written)
{
    char *const begin = out;
    for (;;) {
        text = scan_plain(text, end, &out);
        if (text == end || (unsigned char)*text < 0x20)
            return NULL;
        if (*text++ == '"')
            break;
        char character[4] = { 0 };
        size_t length;
        text = scan_escape(text, end, character, &length);
        if (!text)
            return NULL;
        if (out) {
            memcpy(out, character, sizeof character); /* the slack allows it */
            out += length;
        }
    }
    *written = out ? (size_t)(out - begin) : 0;
    return text;
}
