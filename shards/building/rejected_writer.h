/* rejected_writer: documents that a build left out, as gzipped JSON lines.
 *
 *   {"rule":"gopher_words","number":12,"name":"https://…","text":"…"}
 *
 * Each lot's are a gzip member of their own, so that files of lots, one after the
 * other, are a file of the whole input, which any reader of JSONL takes.
 */
#ifndef SHARDS_REJECTED_WRITER_H
#define SHARDS_REJECTED_WRITER_H

#include "shards/inputs/document.h"

#include "base/status.h"

struct rejected_writer;
struct rejected_writer *rejected_writer_create(void);
void rejected_writer_free(struct rejected_writer *writer); /* NULL is allowed */

enum status rejected_writer_add(struct rejected_writer *writer, const struct document *document,
                                const char *rule);

/* Writes what was added as one gzip member into a new file (aside, then renamed), or to the end of
 * `file` (a descriptor); nothing where nothing was added. Then it is empty again. */
enum status rejected_writer_put(struct rejected_writer *writer, const char *path);
enum status rejected_writer_append(struct rejected_writer *writer, int file, const char *path);

#endif
