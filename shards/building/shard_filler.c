#include "shards/building/shard_filler.h"

#include <stdlib.h>

#include "base/memory.h"
#include "shards/building/worker_crew.h"

/* A batch has so many for each rank: enough for its threads, and the same on every rank. */
enum { SHARDS_A_RANK = 8 };

/* Segments of the batch, or shards of it, that fall to this rank. */
struct fill_item {
    const struct layout_shard *shard;
    int64_t segment;
};

struct filler {
    const struct shard_filler_plan *plan;
    struct shard_assembler **assemblers; /* [threads] */
    int64_t workers;                     /* threads of all ranks: the same number on all */
    bool shares_segments;                /* they are encoded ahead, by all */
    struct fill_item *items;
    int64_t item_count, item_room;
};

static void add_item(struct filler *filler, struct fill_item item)
{
    if (filler->item_count == filler->item_room) {
        filler->item_room = filler->item_room ? 2 * filler->item_room : 64;
        filler->items =
            memory_realloc(filler->items, (size_t)filler->item_room * sizeof *filler->items);
    }
    filler->items[filler->item_count++] = item;
}

static enum status encode_segment(void *context, int64_t number, int thread)
{
    struct filler *filler = context;
    const struct fill_item *item = &filler->items[number];
    return shard_assembler_encode(filler->assemblers[thread], item->shard, item->segment);
}

static enum status complete_shard(void *context, int64_t number, int thread)
{
    struct filler *filler = context;
    return shard_assembler_complete(filler->assemblers[thread], filler->items[number].shard,
                                    filler->shares_segments);
}

/* The batch's shards that are to be written, the largest first, and which rank completes each. The
 * same on all ranks: none writes before all agree. */
struct fill_batch {
    const struct layout_shard **shards;
    int *ranks;
    int64_t count;
    bool shares_segments;
};

static int by_tokens(const void *first, const void *second)
{
    const struct layout_shard *a = *(const struct layout_shard *const *)first;
    const struct layout_shard *b = *(const struct layout_shard *const *)second;
    if (a->tokens != b->tokens)
        return a->tokens < b->tokens ? 1 : -1;
    return (a > b) - (a < b);
}

/* Each shard to the worker with the least so far. A segment that goes through a file costs as much
 * again: that is worth it only where the last worker would have over twice what all have on
 * average. */
static void deal(const struct filler *filler, struct fill_batch *batch)
{
    int64_t *load = memory_alloc_zeroed((size_t)filler->workers, sizeof *load);
    int64_t total = 0, longest = 0;
    for (int64_t i = 0; i < batch->count; i++) {
        int64_t least = 0;
        for (int64_t worker = 1; worker < filler->workers; worker++)
            if (load[worker] < load[least])
                least = worker;
        load[least] += batch->shards[i]->tokens;
        batch->ranks[i] = (int)(least % filler->plan->team->size);
        total += batch->shards[i]->tokens;
        longest = load[least] > longest ? load[least] : longest;
    }
    batch->shares_segments = longest > 2 * total / filler->workers;
    memory_free(load);
}

static struct fill_batch batch_create(const struct filler *filler, int64_t begin, int64_t end)
{
    const struct shard_assembly *assembly = &filler->plan->assembly;
    struct fill_batch batch = { 0 };
    batch.shards = memory_alloc_zeroed((size_t)(end - begin), sizeof(struct layout_shard *));
    batch.ranks = memory_alloc_zeroed((size_t)(end - begin), sizeof *batch.ranks);
    for (int64_t i = begin; i < end; i++)
        if (!shard_is_complete(assembly, &assembly->layout->shards[i]))
            batch.shards[batch.count++] = &assembly->layout->shards[i];
    qsort(batch.shards, (size_t)batch.count, sizeof *batch.shards, by_tokens);
    deal(filler, &batch);
    return batch;
}

static void batch_free(struct fill_batch *batch)
{
    memory_free(batch->shards);
    memory_free(batch->ranks);
}

static enum status encode_segments(struct filler *filler, const struct fill_batch *batch)
{
    const struct build_team *team = filler->plan->team;
    int64_t turn = 0;
    filler->item_count = 0;
    for (int64_t i = 0; i < batch->count; i++)
        for (int64_t s = 0; s < shard_segments(&filler->plan->assembly, batch->shards[i]); s++)
            if (turn++ % team->size == team->rank)
                add_item(filler, (struct fill_item){ batch->shards[i], s });
    return crew_run(filler->plan->pool, filler->item_count, encode_segment, filler);
}

static enum status complete_shards(struct filler *filler, const struct fill_batch *batch)
{
    const struct build_team *team = filler->plan->team;
    filler->item_count = 0;
    for (int64_t i = 0; i < batch->count; i++)
        if (batch->ranks[i] == team->rank)
            add_item(filler, (struct fill_item){ .shard = batch->shards[i] });
    return crew_run(filler->plan->pool, filler->item_count, complete_shard, filler);
}

static enum status fill_batch(struct filler *filler, int64_t begin, int64_t end)
{
    const struct build_team *team = filler->plan->team;
    struct fill_batch batch = batch_create(filler, begin, end);
    filler->shares_segments = batch.shares_segments;
    enum status status = batch.shares_segments ? encode_segments(filler, &batch) : STATUS_OK;
    status = team_agree(team, status);
    if (status == STATUS_OK)
        status = team_agree(team, complete_shards(filler, &batch));
    batch_free(&batch);
    return status;
}

/* Threads of all ranks, each taken to have as many as the one with the fewest. */
static int64_t count_workers(const struct shard_filler_plan *plan)
{
    const struct build_team *team = plan->team;
    const int mine = thread_pool_size(plan->pool);
    int fewest = mine;
    if (team->size == 1)
        return mine;
    int *all = memory_alloc_zeroed((size_t)team->size, sizeof *all);
    team->gather_all(team->context, &mine, sizeof mine, all);
    for (int rank = 0; rank < team->size; rank++)
        fewest = all[rank] < fewest ? all[rank] : fewest;
    memory_free(all);
    return (int64_t)fewest * team->size;
}

enum status shards_fill(const struct shard_filler_plan *plan)
{
    const int threads = thread_pool_size(plan->pool);
    const int64_t count = plan->assembly.layout->count, batch = SHARDS_A_RANK * plan->team->size;
    struct filler filler = { .plan = plan, .workers = count_workers(plan) };
    filler.assemblers = memory_alloc_zeroed((size_t)threads, sizeof(struct shard_assembler *));
    for (int i = 0; i < threads; i++)
        filler.assemblers[i] = shard_assembler_create(&plan->assembly);

    enum status status = STATUS_OK;
    for (int64_t begin = 0; begin < count && status == STATUS_OK; begin += batch) {
        if (plan->progress)
            plan->progress(begin, count);
        status = fill_batch(&filler, begin, begin + batch < count ? begin + batch : count);
    }
    for (int i = 0; i < threads; i++)
        shard_assembler_free(filler.assemblers[i]);
    memory_free(filler.assemblers);
    memory_free(filler.items);
    return status;
}

enum status shards_list(const struct shard_assembly *assembly, struct corpus_manifest *manifest)
{
    struct strbuf name = STRBUF_INIT;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < assembly->layout->count && status == STATUS_OK; i++) {
        const struct layout_shard *shard = &assembly->layout->shards[i];
        struct manifest_shard listed = {
            .split = shard->split,
            .tokens = shard->tokens,
            .documents = shard->documents,
            .text_bytes = shard->text_bytes,
        };
        shard_file_name(shard, &name);
        listed.file = name.bytes; /* copied by the addition */
        status = shard_read_digest(assembly, shard, listed.sha256, &listed.file_bytes);
        if (status == STATUS_OK)
            corpus_manifest_add_shard(manifest, &listed);
    }
    strbuf_release(&name);
    if (status == STATUS_OK)
        corpus_manifest_sort_shards(manifest);
    return status;
}
