/* word_scanner: a text's words, with punctuation as words of its own.
 *
 * White space parts words; then punctuation is taken from both ends, one
 * character a word (dots in a row are one, "'s" is one), and a word is parted at
 * a hyphen between letters and before "n't", "'ll" and their like. So words are
 * close to those of spaCy's English tokenizer, by which datatrove's filters
 * count, without its list of exceptions.
 */
#ifndef SHARDS_WORD_SCANNER_H
#define SHARDS_WORD_SCANNER_H

#include <stdbool.h>
#include <stddef.h>

struct text_word {
    const char *start;
    size_t length;
    size_t characters;
    unsigned classes; /* of all its characters: enum text_class */
};

struct word_scanner {
    const char *at, *end;
    /* What stands between white space: punctuation, the word itself, punctuation. */
    const char *core_start, *core_end, *chunk_end;
};

void word_scanner_begin(struct word_scanner *scanner, const char *text, size_t length);
bool word_scanner_next(struct word_scanner *scanner, struct text_word *word); /* false: the end */

#endif
