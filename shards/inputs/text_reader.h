/* text_reader: documents out of text files, plain or gzipped.
 *
 * Gzip is found by its magic, may have any number of members, and must end
 * exactly at a member's end: garbage, truncation and flipped bits are bad input
 * with the offset, never silence (shards/text_source). Reading is streaming:
 * memory holds one document and fixed buffers.
 *
 * A document is a file, or what lies between the lines that match
 * `document_start`, or between lines that are `separator`, cut further at the
 * first line end after `document_bytes`. Bytes are handed on as they are, NUL
 * and invalid UTF-8 included, and no byte is lost: all documents joined are the
 * file's text, but for the separators.
 */
#ifndef SHARDS_TEXT_READER_H
#define SHARDS_TEXT_READER_H

#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"
#include "shards/inputs/text_window.h"

/* A longer document is bad input: what a small file inflates to has no other bound. */
#define TEXT_READER_MAX_DOCUMENT ((int64_t)1 << 30)

struct text_rules {
    const char *document_start; /* a PCRE2 pattern that the first line of a document matches; NULL
                                   or "": none */
    int64_t document_bytes;     /* cut longer documents at a line end; 0: never */
    const char *separator;      /* a line that stands between documents and belongs to none, without
                                   its line end (LF or CR LF); NULL or "": none */
};

struct text_reader;
enum status text_reader_open(const char *path, const struct text_rules *rules,
                             struct text_reader **out);
/* The same over a window that is open already, and that the reader takes over in any case. */
enum status text_reader_open_window(struct text_window *window, const struct text_rules *rules,
                                    struct text_reader **out);
/* The next document's bytes replace `document`, or are passed over if that is NULL;
 * *found = false at the end. */
enum status text_reader_next(struct text_reader *reader, struct strbuf *document, bool *found);
/* Bytes of inflated text so far: those of the documents handed out, and of separators. */
int64_t text_reader_bytes(const struct text_reader *reader);
void text_reader_close(struct text_reader *reader); /* NULL is allowed */

#endif
