/* corpus_split: the two parts of a corpus. A document belongs to one of them for good. */
#ifndef SHARDS_CORPUS_SPLIT_H
#define SHARDS_CORPUS_SPLIT_H

#include <stdbool.h>

enum corpus_split { SPLIT_TRAIN, SPLIT_HELDOUT, SPLIT_COUNT };

extern const char *const corpus_split_names[SPLIT_COUNT + 1]; /* "train", "heldout", NULL */

bool corpus_split_parse(const char *name, enum corpus_split *out);

#endif
