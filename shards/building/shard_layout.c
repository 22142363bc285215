#include "shards/building/shard_layout.h"

#include "base/memory.h"
#include "shards/format/shard_format.h"

/* The shards that are being filled. */
struct filling {
    struct shard_layout *layout;
    int64_t shard_tokens;
    int64_t open[SPLIT_COUNT];   /* index of a shard, or -1 */
    int64_t begun[SPLIT_COUNT];  /* shards of the split */
    int64_t tokens[SPLIT_COUNT]; /* of the split so far */
};

static enum status begin_shard(struct filling *filling, struct layout_shard first)
{
    struct shard_layout *layout = filling->layout;
    first.number = filling->begun[first.split]++;
    if (first.number == CORPUS_MAX_SHARDS)
        return bad_input("the corpus needs more than %lld shards: raise --shard_tokens",
                         (long long)CORPUS_MAX_SHARDS);
    if ((layout->count & (layout->count - 1)) == 0) {
        size_t room = layout->count == 0 ? 1 : 2 * (size_t)layout->count;
        layout->shards = memory_realloc(layout->shards, room * sizeof *layout->shards);
    }
    filling->open[first.split] = layout->count;
    layout->shards[layout->count++] = first;
    return STATUS_OK;
}

static enum status add_document(struct filling *filling, int64_t lot, int64_t place,
                                const struct lot_record *record)
{
    const enum corpus_split split = (enum corpus_split)record->split;
    if (filling->open[split] < 0)
        TRY(begin_shard(filling, (struct layout_shard){
                                     .split = split,
                                     .first_lot = lot,
                                     .first_document = place,
                                     .first_token = filling->tokens[split],
                                 }));
    struct layout_shard *shard = &filling->layout->shards[filling->open[split]];
    shard->documents++;
    shard->tokens += record->tokens;
    shard->text_bytes += record->text_bytes;
    shard->name_bytes += record->name_bytes;
    filling->tokens[split] += record->tokens;
    if (shard->tokens >= filling->shard_tokens)
        filling->open[split] = -1;
    return STATUS_OK;
}

static void count_duplicate(struct shard_layout *layout, int64_t ordinal,
                            const struct lot_record *record)
{
    struct rule_count *count =
        bit_is_set(layout->duplicates->exact, ordinal) ? &layout->exact : &layout->near;
    count->documents++;
    count->bytes += record->text_bytes;
}

static enum status add_lot(struct filling *filling, int64_t number)
{
    struct shard_layout *layout = filling->layout;
    const int64_t first_ordinal = layout->lots->lots[number].first_ordinal;
    struct lot lot = { 0 };
    enum status status = STATUS_OK;
    TRY(lot_list_open(layout->lots, number, LOT_RECORDS, 0, &lot));
    for (int64_t i = 0; i < lot.header.documents && status == STATUS_OK; i++) {
        if (layout_keeps(layout, first_ordinal + i))
            status = add_document(filling, number, i, &lot.records[i]);
        else
            count_duplicate(layout, first_ordinal + i, &lot.records[i]);
    }
    lot_release(&lot);
    return status;
}

enum status shard_layout_make(const struct lot_list *lots, const struct duplicates *duplicates,
                              int64_t shard_tokens, struct shard_layout *out)
{
    *out = (struct shard_layout){ .lots = lots, .duplicates = duplicates };
    out->lot_tokens = memory_alloc_zeroed((size_t)lots->count + 1, sizeof *out->lot_tokens);
    struct filling filling = { .layout = out, .shard_tokens = shard_tokens, .open = { -1, -1 } };
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < lots->count && status == STATUS_OK; i++) {
        status = add_lot(&filling, i);
        for (int split = 0; split < SPLIT_COUNT; split++)
            out->lot_tokens[i + 1][split] = filling.tokens[split];
    }
    if (status != STATUS_OK)
        shard_layout_release(out);
    return status;
}

void shard_layout_release(struct shard_layout *layout)
{
    memory_free(layout->shards);
    memory_free(layout->lot_tokens);
    *layout = (struct shard_layout){ 0 };
}
