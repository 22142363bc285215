#include "shards/format/corpus_split.h"

#include <stddef.h>
#include <string.h>

const char *const corpus_split_names[SPLIT_COUNT + 1] = { "train", "heldout", NULL };

bool corpus_split_parse(const char *name, enum corpus_split *out)
{
    for (int split = 0; split < SPLIT_COUNT; split++) {
        if (strcmp(name, corpus_split_names[split]) == 0) {
            *out = (enum corpus_split)split;
            return true;
        }
    }
    return false;
}
