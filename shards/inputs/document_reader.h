/* document_reader: documents out of an input, whatever its format.
 *
 *   text    a file is a document, or is cut by text_reader's rules
 *   jsonl   a line is a JSON object; one of its fields is the text
 *   wet     WARC 1.0 or 1.1 (ISO 28500); records of type `conversion`
 *
 * each plain or gzipped with any number of members: docs/inputs.md. Reading is
 * streaming: memory holds one document and fixed buffers. Damage to the file is
 * bad input that names the byte; a document that is bad by itself (a line that is
 * no JSON, text that is no UTF-8) is handed out as rejected, with its reason, to
 * be counted.
 *
 * What lies between two documents (a blank line of jsonl, a record of wet that is
 * no `conversion`, a separator) belongs to the later one as far as positions go:
 * a document begins where the one before it ended.
 */
#ifndef SHARDS_DOCUMENT_READER_H
#define SHARDS_DOCUMENT_READER_H

#include <stdint.h>

#include "base/status.h"
#include "shards/inputs/document.h"
#include "shards/inputs/text_reader.h"

/* A line of jsonl or the text of a wet record beyond it is passed over, not held. */
#define DOCUMENT_READER_MAX_HELD ((int64_t)256 << 20)
/* What a rejected document leaves for --keep-rejected. */
#define DOCUMENT_READER_MAX_KEPT ((int64_t)1 << 20)
/* Of a longer name that many bytes stay, or up to 3 less: whole characters. */
#define DOCUMENT_READER_MAX_NAME ((size_t)4096)

enum document_format { FORMAT_AUTO, FORMAT_TEXT, FORMAT_JSONL, FORMAT_WET, FORMAT_COUNT };
extern const char *const document_format_names[FORMAT_COUNT + 1]; /* NULL at the end */

struct document_rules {
    enum document_format format; /* auto: by the name without .gz, else by the first bytes */
    struct text_rules text;      /* for format text */
    const char *text_field, *id_field, *url_field; /* for jsonl; NULL: "text", "id", "url" */
};

/* Why a reader hands out no text. Names are what reports and option lists call them. */
enum reader_verdict {
    READER_DOCUMENT, /* here is one */
    READER_END,
    READER_REJECTS_EMPTY,  /* nothing but white space */
    READER_REJECTS_JSON,   /* the line is no JSON object, or nested too deeply */
    READER_REJECTS_FIELD,  /* it has no text field, or that is no string */
    READER_REJECTS_UTF8,   /* of jsonl and wet: their formats promise UTF-8 */
    READER_REJECTS_LONG,   /* beyond DOCUMENT_READER_MAX_HELD; of format text see text_reader.h */
    READER_REJECTS_RECORD, /* a WARC record whose header is malformed but for its length */
    READER_VERDICT_COUNT
};
extern const char *const reader_verdict_names[READER_VERDICT_COUNT];

struct document_reader;

/* `path` may be "-": standard input. */
enum status document_reader_open(const char *path, const struct document_rules *rules,
                                 struct document_reader **out);
/* Fills `document`; of a rejected one `text` holds what there is of it (its line, or its record's
 * content), at most DOCUMENT_READER_MAX_KEPT. */
enum status document_reader_next(struct document_reader *reader, struct document *document,
                                 enum reader_verdict *verdict);
/* Where the next document begins, in bytes of inflated text. */
int64_t document_reader_position(const struct document_reader *reader);
/* Goes on to the first document that begins at `position` or later, counting those between
 * without looking into them: numbers stay the same as by reading. What is passed already is not
 * gone back to. */
enum status document_reader_skip_to(struct document_reader *reader, int64_t position);
/* Of the input's file, read so far. */
int64_t document_reader_input_bytes(const struct document_reader *reader);
void document_reader_close(struct document_reader *reader); /* NULL is allowed */

#endif
