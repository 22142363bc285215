/* document_walk: one text read by document_reader in every way that must give the same. */
#ifndef TESTS_DOCUMENT_WALK_H
#define TESTS_DOCUMENT_WALK_H

#include "shards/inputs/document_reader.h"

/* Plain, from gzip members that end anywhere, and from any position on. */
void document_walk_check(const uint8_t *text, size_t size, const struct document_rules *rules);

#endif
