/* document_sample: what a document_reader hands out, as text that tests compare. */
#ifndef TESTS_DOCUMENT_SAMPLE_H
#define TESTS_DOCUMENT_SAMPLE_H

#include "shards/inputs/document_reader.h"

/* Appends one line for each document that begins at `from` or later, by skipping what is before:
 *   POSITION NUMBER VERDICT NAME LANGUAGE TEXT
 * with '|' for line ends. Returns the reader's status. */
enum status document_sample_list(const char *path, const struct document_rules *rules, int64_t from,
                                 struct strbuf *list);

/* Writes `text` to `path`, plain. Its list without positions must be `expected`: lines of
 * "VERDICT NAME LANGUAGE TEXT", numbered by their place. */
void document_sample_expect(const char *path, const char *text, size_t length,
                            const struct document_rules *rules, const char *expected);

/* The file is read or skipped to its end with STATUS_BAD_INPUT, and the message says `why`. */
void document_sample_expect_refused(const char *path, const char *text, size_t length,
                                    const struct document_rules *rules, const char *why);

#endif
