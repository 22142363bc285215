/* bad_words: a list of words and phrases, one a line, and whether a text has one of them.
 *
 * Compared are runs of letters and digits in lower case, so punctuation between
 * the words of a phrase does not count, and a word is found as a whole only.
 * Ideographs are words by themselves.
 */
#ifndef SHARDS_BAD_WORDS_H
#define SHARDS_BAD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/strbuf.h"

struct bad_words;

/* At most 16 MiB; a file without any word is bad input. */
enum status bad_words_read(const char *path, struct bad_words **words);
void bad_words_free(struct bad_words *words); /* NULL is allowed */

bool bad_words_in(const struct bad_words *words, const char *text, size_t length);

/* The SHA-256 of the file, in hexadecimal. */
const char *bad_words_digest(const struct bad_words *words);

#endif
