/* unicode_class: is a character a letter, a number, white space, or a symbol?
 *
 * By Unicode 16.0: general categories L and N, the property White_Space, and
 * all else. The table is eon's own, so that text is cut in the same way on every
 * machine, whatever version of Unicode its libraries know; tiktoken 0.14 and
 * tokenizers 0.23 know the same one (tests/golden/compare_tokenizer.py compares
 * every character).
 */
#ifndef SHARDS_UNICODE_CLASS_H
#define SHARDS_UNICODE_CLASS_H

#include <stdint.h>

enum unicode_class { UNICODE_SYMBOL, UNICODE_LETTER, UNICODE_NUMBER, UNICODE_SPACE };

/* Beyond are symbols alone. */
#define UNICODE_CLASSES_END 0x40000

extern unsigned char unicode_classes[UNICODE_CLASSES_END];

/* Fills the table; to be called before it is used, as often as one likes. */
void unicode_classes_init(void);

static inline enum unicode_class unicode_class_of(uint32_t character)
{
    return character < UNICODE_CLASSES_END ? (enum unicode_class)unicode_classes[character]
                                           : UNICODE_SYMBOL;
}

#endif
