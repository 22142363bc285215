/* document_format: what document_reader asks of a format. One file each: jsonl_reader.c,
 * wet_reader.c; document_reader.c adapts text_reader. */
#ifndef SHARDS_DOCUMENT_FORMAT_H
#define SHARDS_DOCUMENT_FORMAT_H

#include "shards/inputs/document_reader.h"
#include "shards/inputs/text_window.h"

struct document_format_reader {
    /* Takes the window over in any case. */
    enum status (*open)(struct text_window *window, const struct document_rules *rules,
                        void **state);
    /* The next document into `document`, empty so far, but for its number; NULL: it is passed
     * over, and *verdict says no more than whether there was one. */
    enum status (*next)(void *state, struct document *document, enum reader_verdict *verdict);
    int64_t (*position)(const void *state);
    void (*close)(void *state);
};

extern const struct document_format_reader jsonl_reader, wet_reader;

/* Nothing but space, tab, LF, VT, FF and CR. */
bool document_is_blank(const char *text, size_t length);

/* Appends `name` to the document's, repaired and cut to DOCUMENT_READER_MAX_NAME. */
void document_set_name(struct document *document, const char *name, size_t length);

#endif
