/* gzip_sample: files of text for tests, plain and gzipped. cmocka's assertions inside. */
#ifndef TESTS_GZIP_SAMPLE_H
#define TESTS_GZIP_SAMPLE_H

#include <stddef.h>

#include "base/strbuf.h"

void sample_write_file(const char *path, const void *bytes, size_t length);

/* Appends one gzip member that holds `text`. */
void gzip_sample_add_member(struct strbuf *file, const char *text, size_t length);

#endif
