#include "shards/building/lot_list.h"

#include "base/memory.h"
#include "shards/building/build_rules.h"
#include "shards/building/lot_feed.h"

static void add_counts(struct lot_list *list, const struct lot_header *header)
{
    list->read.documents += header->read.documents;
    list->read.bytes += header->read.bytes;
    for (int rule = 0; rule < LOT_MAX_RULES; rule++) {
        list->rejected[rule].documents += header->rejected[rule].documents;
        list->rejected[rule].bytes += header->rejected[rule].bytes;
    }
}

static void add_entry(struct lot_list *list, struct lot_entry entry)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : 2 * (size_t)list->count;
        list->lots = memory_realloc(list->lots, room * sizeof *list->lots);
    }
    list->lots[list->count++] = entry;
}

static enum status read_input(struct lot_list *list, int64_t input)
{
    struct strbuf path = STRBUF_INIT;
    enum status status = STATUS_OK;
    bool is_last = false;
    for (int64_t number = 0; !is_last && status == STATUS_OK; number++) {
        struct lot lot = { 0 };
        lot_path(list->folder, &list->inputs[input], number, &path);
        status = lot_read(path.bytes, 0, 0, &lot);
        if (status != STATUS_OK)
            break;
        add_counts(list, &lot.header);
        add_entry(list, (struct lot_entry){ input, number, list->documents });
        list->documents += lot.header.documents;
        is_last = lot.header.is_last;
        lot_release(&lot);
    }
    strbuf_release(&path);
    return status;
}

enum status lot_list_read(const char *folder, const struct build_input *inputs, int64_t input_count,
                          struct lot_list *out)
{
    *out = (struct lot_list){ .folder = folder, .inputs = inputs };
    for (int64_t i = 0; i < input_count; i++) {
        enum status status = read_input(out, i);
        if (status != STATUS_OK) {
            lot_list_release(out);
            return status;
        }
    }
    return STATUS_OK;
}

void lot_list_release(struct lot_list *list)
{
    memory_free(list->lots);
    list->lots = NULL;
    list->count = 0;
}

enum status lot_list_open(const struct lot_list *list, int64_t i, int parts, int band,
                          struct lot *out)
{
    struct strbuf path = STRBUF_INIT;
    const struct lot_entry *entry = &list->lots[i];
    lot_path(list->folder, &list->inputs[entry->input], entry->lot, &path);
    enum status status = lot_read(path.bytes, parts, band, out);
    strbuf_release(&path);
    return status;
}
