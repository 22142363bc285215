/* blank_marking: the mark "▁" (U+2581) that SentencePiece's tokens have for a blank.
 *
 * Files write a token as "▁the". Here a mark is a blank everywhere: the token is " the", and so a
 * text needs only a blank before its first word, and each mark that is in it is a blank as well.
 *
 *   text      "the  cat▁s"
 *   marked    " the  cat s"
 *   tokens    " the" " " " cat" " s"
 *   decoded   "the  cat s"            without the blank that was put before
 */
#ifndef SHARDS_BLANK_MARKING_H
#define SHARDS_BLANK_MARKING_H

#include <stdbool.h>

#include "base/strbuf.h"

#define BLANK_MARK "\xe2\x96\x81"

/* The stage of a tokenizer.json that marks. */
enum blank_stage { BLANK_NORMALIZER, BLANK_METASPACE };

/* Whether a blank is put before a text. `first` and `always` differ only for one who cuts a text at
 * special tokens, which is not done here. */
enum blank_prefix { BLANK_NEVER, BLANK_FIRST, BLANK_ALWAYS };
extern const char *const blank_prefix_names[]; /* NULL at the end */

/* What a decoder leaves out: nothing, one blank that begins the text, or all blanks of the text's
 * first token. */
enum blank_strip { BLANK_STRIP_NOTHING, BLANK_STRIP_ONE, BLANK_STRIP_TOKEN };

struct blank_marking {
    enum blank_stage stage;
    enum blank_prefix prefix;
    bool splits; /* tokens never merge across the place before a blank */
    enum blank_strip strip;
};

/* Appends the marked text. By a normalizer every text but the empty one gets its blank, by
 * Metaspace only one that does not begin with a blank. */
void blank_marking_mark(const struct blank_marking *marking, const char *text, size_t length,
                        struct strbuf *out);
/* What decides ids, in words: for the tokenizer's digest. */
void blank_marking_describe(const struct blank_marking *marking, struct strbuf *out);

/* Appends the bytes of a file's token, with blanks for its marks, and the other way round. */
void blank_marks_read(const char *name, size_t length, struct strbuf *out);
void blank_marks_write(const char *bytes, size_t length, struct strbuf *out);

#endif
