/* byte_letters: GPT-2's way of writing bytes as printable characters.
 *
 * Vocabulary files hold text, tokens are bytes. So each byte has a letter: the
 * 188 bytes that print in Latin-1 stand for themselves, the 68 others for
 * U+0100, U+0101, ... in order (OpenAI, gpt-2/src/encoder.py, bytes_to_unicode;
 * the space is "Ġ", U+0120). Ids follow the letters: the token of byte b has id
 * byte_letter_order(b) in vocabularies that were trained here or by OpenAI.
 */
#ifndef SHARDS_BYTE_LETTERS_H
#define SHARDS_BYTE_LETTERS_H

#include <stddef.h>

#include "base/strbuf.h"

/* The place of the byte's letter among all letters in the order of Unicode: 0 to 255. */
int byte_letter_order(unsigned char byte);

/* Appends the letters of `bytes`, in UTF-8. */
void byte_letters_print(struct strbuf *out, const void *bytes, size_t length);

/* Appends the bytes that `letters` stand for; false where a character is no letter. */
bool byte_letters_parse(struct strbuf *out, const char *letters, size_t length);

#endif
