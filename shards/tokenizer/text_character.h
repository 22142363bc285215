/* text_character: what the characters of a text are: enough of Unicode to judge text by.
 *
 * Tables of a Unicode version would change with the library that has them, and
 * with them what a corpus holds. So here is a rule of our own, by ranges: exact
 * for ASCII and Latin-1, by block elsewhere. A byte that belongs to no UTF-8
 * character is a symbol.
 */
#ifndef SHARDS_TEXT_CHARACTER_H
#define SHARDS_TEXT_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_class {
    TEXT_SPACE = 1,       /* Unicode's White_Space, and U+001C to U+001F */
    TEXT_LETTER = 2,      /* of a word in any script; marks on letters too */
    TEXT_DIGIT = 4,       /* ASCII's, and those of other scripts that are no letters */
    TEXT_PUNCTUATION = 8, /* ASCII's, control characters, and other scripts' */
    TEXT_SYMBOL = 16,     /* arrows, mathematics, pictures */
    TEXT_IDEOGRAPH = 32,  /* with TEXT_LETTER: written without spaces between words */
};

struct text_character {
    uint32_t code;  /* U+FFFD for a byte that is no character */
    uint32_t bytes; /* 1 to 4 */
    unsigned classes;
};

/* enum text_class of each byte below 0x80; 0 from there on: ask text_character_at. */
extern const uint8_t text_ascii_class[256];

/* The character at text[0]; `left` is at least 1. */
struct text_character text_character_at(const char *text, size_t left);

/* The character that ends at text[length], which is at least 1. */
struct text_character text_character_before(const char *text, size_t length);

/* Whether a sentence may end in it: full stops, question and exclamation marks of any script. */
bool text_is_terminal(uint32_t code);

/* How many characters `text` has. */
size_t text_count_characters(const char *text, size_t length);

/* In lower case: ASCII, Latin-1, Latin Extended-A and Additional, Greek, Cyrillic and Armenian;
 * others as they are. */
uint32_t text_lower(uint32_t code);

#endif
