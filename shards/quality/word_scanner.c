#include "shards/quality/word_scanner.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "shards/tokenizer/text_character.h"

/* What an ASCII character may do in a word. */
enum role {
    IN_WORD = 1, /* letters and digits: belong to it wherever they are */
    SPACE = 2,   /* ends it */
    BEFORE = 4,  /* is taken from its front */
    AFTER = 8,   /* is taken from its end */
    WITHIN = 16, /* may part it in two */
    ENDS = 32,   /* with AFTER: whatever stands before it */
    ADDRESS = 64 /* may tell that the word is one of a page or of a mailbox */
};

enum { BOTH = BEFORE | AFTER, QUOTE = BOTH | ENDS };

/* clang-format off */
static const uint8_t roles[256] = {
    ['0' ... '9'] = IN_WORD, ['A' ... 'Z'] = IN_WORD, ['a' ... 'z'] = IN_WORD,
    ['\t' ... '\r'] = SPACE, [0x1c ... ' '] = SPACE,
    [','] = QUOTE | WITHIN, [';'] = QUOTE, ['!'] = QUOTE, ['?'] = QUOTE, ['"'] = QUOTE,
    ['('] = QUOTE, [')'] = QUOTE, ['['] = QUOTE, [']'] = QUOTE, ['{'] = QUOTE, ['}'] = QUOTE,
    ['_'] = QUOTE, ['#'] = QUOTE, ['&'] = QUOTE, ['`'] = QUOTE, ['*'] = QUOTE | WITHIN,
    ['\''] = BOTH, [':'] = QUOTE | WITHIN | ADDRESS, ['<'] = QUOTE | WITHIN,
    ['>'] = QUOTE | WITHIN, ['='] = BEFORE | WITHIN, ['%'] = BOTH, ['$'] = BOTH,
    ['+'] = BOTH | WITHIN, ['.'] = BOTH | WITHIN, ['-'] = WITHIN, ['~'] = WITHIN, ['/'] = WITHIN,
    ['^'] = WITHIN, ['@'] = ADDRESS,
};
/* clang-format on */

static unsigned role_of(char c)
{
    return roles[(unsigned char)c];
}

void word_scanner_begin(struct word_scanner *scanner, const char *text, size_t length)
{
    *scanner = (struct word_scanner){
        .at = text, .end = text + length, .core_start = text, .core_end = text, .chunk_end = text
    };
}

static bool is_between(char c, char first, char last)
{
    return c >= first && c <= last;
}

static bool is_digit(char c)
{
    return is_between(c, '0', '9');
}

static bool is_small(char c)
{
    return is_between(c, 'a', 'z');
}

static bool is_capital(char c)
{
    return is_between(c, 'A', 'Z');
}

/* A letter of ASCII, or a byte of any character beyond it. */
static bool is_of_letter(char c)
{
    return is_small(c) || is_capital(c) || (c & 0x80);
}

/* Dots in a row from `at` on, if there are several: they are one word. */
static size_t dots_length(const char *at, const char *end)
{
    size_t dots = 0;
    while (at + dots < end && at[dots] == '.')
        dots++;
    return dots > 1 ? dots : 0;
}

/* Bytes of an apostrophe, typed or typeset, or 0. */
static size_t apostrophe_length(const char *at, const char *end)
{
    if (at < end && *at == '\'')
        return 1;
    return end - at >= 3 && memcmp(at, "\u2019", 3) == 0 ? 3 : 0;
}

/* "'s", "'re" and their like, alone. */
static bool is_ending(const char *at, const char *end)
{
    return end - at <= 3 && end - at >= 2 && is_small(at[1]) && is_small(end[-1]);
}

/* Bytes of punctuation to take from the front of a word, or 0. */
static size_t prefix_length(const char *at, const char *end)
{
    if (*at & 0x80) {
        const struct text_character character = text_character_at(at, (size_t)(end - at));
        return character.classes & (TEXT_PUNCTUATION | TEXT_SYMBOL) ? character.bytes : 0;
    }
    if (!(role_of(*at) & BEFORE))
        return 0;
    if (*at == '.')
        return dots_length(at, end);
    if (*at == '+')
        return at + 1 == end || !is_digit(at[1]);
    return *at != '\'' || !is_ending(at, end);
}

static bool dot_ends_word(const char *start, const char *dot)
{
    if (dot == start)
        return true;
    if (is_capital(dot[-1]))
        return dot - start >= 2 && is_capital(dot[-2]);
    if (is_small(dot[-1]) && dot - start >= 3 && dot[-2] == '.') /* "e.g." */
        return false;
    return dot[-1] != '/' && dot[-1] != '@' && dot[-1] != '\\';
}

/* Bytes of a unit of measure after a number, or 0: "5kg" is two words. */
static size_t unit_length(const char *start, const char *end)
{
    static const char *const units[] = {
        "m",   "km", "dm",   "cm", "mm", "nm", "ha", "g",  "kg", "mg", "t", "lb", "oz", "mph", "Pa",
        "hPa", "mb", "mbar", "kb", "KB", "MB", "gb", "GB", "tb", "TB", "T", "G",  "M",  "K",
    };
    const char *unit = end;
    while (unit > start && (is_small(unit[-1]) || is_capital(unit[-1])))
        unit--;
    if (unit == start || !is_digit(unit[-1]) || end - unit > 4)
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i]) == (size_t)(end - unit) &&
            memcmp(units[i], unit, (size_t)(end - unit)) == 0)
            return (size_t)(end - unit);
    return 0;
}

/* Bytes of punctuation to take from the end of a word, or 0. */
static size_t suffix_length(const char *start, const char *end)
{
    const char *last = end - 1;
    if (*last & 0x80) {
        while (last > start && (*last & 0xc0) == 0x80)
            last--;
        const struct text_character character = text_character_at(last, (size_t)(end - last));
        const bool is_whole = character.bytes == (size_t)(end - last);
        const bool is_mark = (character.classes & (TEXT_PUNCTUATION | TEXT_SYMBOL)) != 0;
        return is_mark ? (is_whole ? character.bytes : 1) : 0;
    }
    if (role_of(*last) & ENDS)
        return 1;
    if (*last == '.')
        return dot_ends_word(start, last);
    if (*last == 's' || *last == 'S') {
        if (last - start >= 2 && last[-1] == '\'')
            return 2;
        if (last - start >= 4 && memcmp(last - 3, "\u2019", 3) == 0)
            return 4;
    }
    if (role_of(*last) & IN_WORD)
        return unit_length(start, end);
    if (!(role_of(*last) & AFTER))
        return 0;
    return *last == '\'' || (last > start && is_digit(last[-1]));
}

/* The word that the punctuation after a core begins with. */
static size_t trailing_length(const char *at, const char *end)
{
    const size_t dots = dots_length(at, end), apostrophe = apostrophe_length(at, end);
    if (dots)
        return dots;
    if (apostrophe && at + apostrophe < end && (at[apostrophe] | 0x20) == 's')
        return apostrophe + 1;
    size_t letters = 0; /* of a unit */
    while (at + letters < end && role_of(at[letters]) & IN_WORD)
        letters++;
    return letters ? letters : text_character_at(at, (size_t)(end - at)).bytes;
}

/* Bytes of punctuation that parts a word in two at `at`, which is not its first byte; 0: none. */
static size_t infix_length(const char *at, const char *end)
{
    const char before = at[-1], after = at + 1 < end ? at[1] : 0;
    if (*at & 0x80) {
        const struct text_character character = text_character_at(at, (size_t)(end - at));
        return character.classes & TEXT_SYMBOL ||
                       (character.code >= 0x2013 && character.code <= 0x2026)
                   ? character.bytes * (character.code != 0x2019)
                   : 0;
    }
    if (*at == '.')
        return is_small(before) && is_capital(after) ? 1 : dots_length(at, end);
    if (!(role_of(*at) & WITHIN))
        return 0;
    if (*at == '-' && after == '-')
        return 2 * (size_t)(end - at > 2 && is_of_letter(before) && is_of_letter(at[2]));
    if (is_digit(before) && (*at == '-' || *at == '+' || *at == '*' || *at == '^') &&
        (is_digit(after) || after == '-'))
        return 1;
    if (*at == '~' || *at == ',')
        return is_of_letter(before) && is_of_letter(after);
    return *at != '+' && *at != '*' && *at != '^' && (is_of_letter(before) || is_digit(before)) &&
           is_of_letter(after);
}

/* Bytes before "n't", "'ll", "'re", "'ve", "'d" or "'m" at the end of a word, or its length. */
static size_t contraction_start(const char *start, const char *end)
{
    static const char *const endings[] = { "t", "ll", "re", "ve", "d", "m" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t letters = strlen(endings[i]);
        if (end - start < (ptrdiff_t)(letters + 2) || memcmp(end - letters, endings[i], letters))
            continue;
        for (size_t quote = 1; quote <= 3; quote += 2) {
            const char *at = end - letters - quote;
            if (at <= start || apostrophe_length(at, end) != quote)
                continue;
            if (i > 0 && (letters > 1 || at - start <= 3))
                return (size_t)(at - start);
            if (i == 0 && at[-1] == 'n' && at - 1 > start)
                return (size_t)(at - 1 - start);
        }
    }
    return (size_t)(end - start);
}

static bool is_address(const char *start, const char *end)
{
    const size_t length = (size_t)(end - start);
    return memmem(start, length, "://", 3) || memchr(start, '@', length);
}

/* The next word of the core: up to a piece of punctuation within it, or that. */
static size_t core_length(const char *start, const char *end)
{
    unsigned seen = 0;
    for (const char *at = start; at < end; at++)
        seen |= role_of(*at) ? role_of(*at) : WITHIN | BEFORE; /* not ASCII: it may be anything */
    if (seen & ADDRESS && is_address(start, end))
        return (size_t)(end - start);
    if (seen & WITHIN)
        for (const char *at = start + 1; at < end; at++)
            if (!(role_of(*at) & IN_WORD) && (*at & 0xc0) != 0x80 && infix_length(at, end) > 0)
                return (size_t)(at - start);
    return seen & BEFORE ? contraction_start(start, end) : (size_t)(end - start);
}

static bool take(struct word_scanner *scanner, size_t length, struct text_word *word)
{
    const char *at = scanner->at, *end = at + length;
    *word = (struct text_word){ .start = at, .length = length };
    scanner->at = end;
    while (at < end) {
        if (*at & 0x80) {
            const struct text_character character = text_character_at(at, (size_t)(end - at));
            word->classes |= character.classes;
            at += character.bytes;
        } else {
            word->classes |= text_ascii_class[(unsigned char)*at++];
        }
        word->characters++;
    }
    return true;
}

/* Parts what stands from scanner->at to chunk_end. */
static void part_chunk(struct word_scanner *scanner)
{
    size_t length;
    scanner->core_start = scanner->at;
    scanner->core_end = scanner->chunk_end;
    while (scanner->core_start < scanner->core_end &&
           (length = prefix_length(scanner->core_start, scanner->core_end)) > 0)
        scanner->core_start += length;
    while (scanner->core_end > scanner->core_start &&
           (length = suffix_length(scanner->core_start, scanner->core_end)) > 0)
        scanner->core_end -= length;
}

static bool take_part(struct word_scanner *scanner, struct text_word *word)
{
    const char *at = scanner->at;
    if (at >= scanner->core_end && at + 1 == scanner->chunk_end)
        return take(scanner, 1, word);
    if (at < scanner->core_start)
        return take(scanner, prefix_length(at, scanner->core_start), word);
    if (at >= scanner->core_end)
        return take(scanner, trailing_length(at, scanner->chunk_end), word);
    const size_t infix = at > scanner->core_start ? infix_length(at, scanner->core_end) : 0;
    return take(scanner, infix ? infix : core_length(at, scanner->core_end), word);
}

/* White space at `at`, of any alphabet: its bytes, or 0. */
static size_t space_length(const char *at, const char *end)
{
    if (!(*at & 0x80))
        return (role_of(*at) & SPACE) != 0;
    const struct text_character character = text_character_at(at, (size_t)(end - at));
    return character.classes & TEXT_SPACE ? character.bytes : 0;
}

/* The letters and digits of ASCII that `at` begins with, and which of the two there are: eight
 * bytes at a time, a byte's answer in its highest bit. */
static const char *skip_plain(const char *at, const char *end, unsigned *classes)
{
    static const uint64_t each = 0x0101010101010101u;
    for (; end - at >= 8; at += 8) {
        uint64_t bytes;
        memcpy(&bytes, at, sizeof bytes);
        bytes = le64toh(bytes);
        const uint64_t low = bytes & each * 0x7f, small = low | each * 0x20;
        const uint64_t ascii = ~bytes & each * 0x80;
        const uint64_t letters = (small + each * (0x80 - 'a')) & ~(small + each * (0x7f - 'z'));
        const uint64_t digits = (low + each * (0x80 - '0')) & ~(low + each * (0x7f - '9'));
        const uint64_t others = (~(letters | digits) | ~ascii) & each * 0x80;
        const uint64_t first = others & -others, before = first ? first - 1 : UINT64_MAX;
        *classes |= letters & ascii & before ? TEXT_LETTER : 0u;
        *classes |= digits & ascii & before ? TEXT_DIGIT : 0u;
        if (first)
            return at + __builtin_ctzll(first) / 8;
    }
    while (at < end && role_of(*at) & IN_WORD)
        *classes |= text_ascii_class[(unsigned char)*at++];
    return at;
}

/* A single piece of punctuation, then white space: it is a word of its own. */
static bool mark_ends(const char *start, const char *mark, const char *end)
{
    if (mark + 1 < end && !(role_of(mark[1]) & SPACE))
        return false;
    return role_of(*mark) & ENDS || (*mark == '.' && dot_ends_word(start, mark));
}

bool word_scanner_next(struct word_scanner *scanner, struct text_word *word)
{
    if (scanner->at < scanner->chunk_end)
        return take_part(scanner, word);

    const char *at = scanner->at, *end = scanner->end;
    size_t space;
    if (at < end && *at == ' ')
        at++;
    while (at < end && (space = space_length(at, end)) > 0)
        at += space;
    if (at == end)
        return false;

    const char *start = scanner->at = at;
    unsigned classes = 0;
    at = skip_plain(at, end, &classes);
    const size_t marks = at < end && !(role_of(*at) & SPACE), length = (size_t)(at - start);
    const bool is_mixed = classes == (TEXT_LETTER | TEXT_DIGIT); /* "5kg", perhaps */
    if (!is_mixed && (marks == 0 || (length > 0 && mark_ends(start, at, end)))) {
        *word = (struct text_word){ start, length, length, classes };
        scanner->at = scanner->core_end = at; /* most words, alone or before a comma */
        scanner->chunk_end = at + marks;
        return true;
    }
    while (at < end && (space = space_length(at, end)) == 0)
        at += *at & 0x80 ? text_character_at(at, (size_t)(end - at)).bytes : 1;
    scanner->chunk_end = at;
    if (at - start > 1)
        part_chunk(scanner);
    else
        scanner->core_end = start;
    return take_part(scanner, word);
}
