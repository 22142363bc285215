/* text_splitter: cuts text into the pieces within which tokens are merged, by a
 * splitting rule.
 *
 * The rules are regular expressions; here each is a function that finds where the
 * piece at a place ends, by the classes of characters (shards/unicode_class). None
 * ever looks back, and a piece needs at most one character beyond its end.
 *
 * The pieces, joined, are the text. Time is linear in its length. A byte that is
 * not UTF-8 counts as a symbol; to the encoder no such text is given.
 */
#ifndef SHARDS_TEXT_SPLITTER_H
#define SHARDS_TEXT_SPLITTER_H

#include <stddef.h>

#include "shards/tokenizer/splitting_rule.h"

struct text_splitter; /* for one thread */

struct text_splitter *text_splitter_create(enum splitting_rule rule);
void text_splitter_free(struct text_splitter *splitter); /* NULL is allowed */

/* Begins with `text`, which must stay in place until the last piece was taken. */
void text_splitter_begin(struct text_splitter *splitter, const char *text, size_t length);
/* The same for a text that is known to be UTF-8: it is not looked at twice. */
void text_splitter_begin_utf8(struct text_splitter *splitter, const char *text, size_t length);
/* The next piece, within `text`; false at the end. */
bool text_splitter_next(struct text_splitter *splitter, const char **piece, size_t *length);

#endif
