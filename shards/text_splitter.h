/* text_splitter: cuts text into the pieces within which tokens are merged.
 *
 * GPT-2's rule (OpenAI, gpt-2/src/encoder.py):
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * where \s is Unicode's White_Space, as in Rust's regular expressions and in
 * Oniguruma. PCRE2's own \s also has U+180E, Python's also U+001C to U+001F; so
 * the set is spelled out. A byte that is not UTF-8 counts as a symbol.
 *
 * The pieces, joined, are the text. Time and memory are linear in its length.
 */
#ifndef SHARDS_TEXT_SPLITTER_H
#define SHARDS_TEXT_SPLITTER_H

#include <stddef.h>

#include "base/status.h"

struct text_splitter; /* for one thread */

struct text_splitter *text_splitter_create(void);
void text_splitter_free(struct text_splitter *splitter); /* NULL is allowed */

/* Begins with `text`, which must stay in place until the last piece was taken. */
void text_splitter_begin(struct text_splitter *splitter, const char *text, size_t length);
/* The next piece, within `text`; false at the end. */
bool text_splitter_next(struct text_splitter *splitter, const char **piece, size_t *length);

#endif
