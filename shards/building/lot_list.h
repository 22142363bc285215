/* lot_list: all lots of a build, in the order of its documents.
 *
 * Ordinals number the documents of all lots, those that were judged good.
 */
#ifndef SHARDS_LOT_LIST_H
#define SHARDS_LOT_LIST_H

#include "shards/building/build_input.h"
#include "shards/building/lot.h"

struct lot_entry {
    int64_t input, lot;
    int64_t first_ordinal;
};

struct lot_list {
    const char *folder;
    const struct build_input *inputs;
    struct lot_entry *lots;
    int64_t count;
    int64_t documents; /* in all */
    struct rule_count read, rejected[LOT_MAX_RULES];
};

/* Reads the headers of all lots; every input's must be there up to its last. */
enum status lot_list_read(const char *folder, const struct build_input *inputs, int64_t input_count,
                          struct lot_list *out);
void lot_list_release(struct lot_list *list);

/* As lot_read. */
enum status lot_list_open(const struct lot_list *list, int64_t i, int parts, int band,
                          struct lot *out);

#endif
