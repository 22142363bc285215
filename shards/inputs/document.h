/* document: one text of a corpus, and what is known of where it came from. */
#ifndef SHARDS_DOCUMENT_H
#define SHARDS_DOCUMENT_H

#include <stdint.h>

#include "base/strbuf.h"

#define DOCUMENT_LANGUAGE_BYTES 16

struct document {
    struct strbuf text;
    struct strbuf name; /* its url, else its id, as the input says; empty: it says none */
    char language[DOCUMENT_LANGUAGE_BYTES]; /* ISO 639-3 as a WET header says; "": unknown */
    int64_t number; /* within its input, from 0; documents that the reader rejects count too */
};

void document_init(struct document *document);
void document_release(struct document *document);

#endif
