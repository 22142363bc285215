#include "shards/building/shard_filler.h"

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

/* The batch's shards that are to be written. The same on all ranks: none writes before all agree.
 */
struct fill_batch {
    const struct layout_shard **shards;
    int64_t count;
};

static struct fill_batch find_incomplete(const struct filler *filler, int64_t begin, int64_t end)
{
    const struct shard_assembly *assembly = &filler->plan->assembly;
    struct fill_batch batch = { 0 };
    batch.shards = memory_alloc_zeroed((size_t)(end - begin), sizeof(struct layout_shard *));
    for (int64_t i = begin; i < end; i++)
        if (!shard_is_complete(assembly, &assembly->layout->shards[i]))
            batch.shards[batch.count++] = &assembly->layout->shards[i];
    return batch;
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
    for (int64_t i = team->rank; i < batch->count; i += team->size)
        add_item(filler, (struct fill_item){ .shard = batch->shards[i] });
    return crew_run(filler->plan->pool, filler->item_count, complete_shard, filler);
}

/* Where there is a shard for every thread, nobody need help another. */
static bool has_work_for_all(const struct filler *filler, const struct fill_batch *batch)
{
    const int64_t ranks = filler->plan->team->size;
    if (ranks == 1)
        return batch->count >= thread_pool_size(filler->plan->pool);
    return batch->count == SHARDS_A_RANK * ranks;
}

static enum status fill_batch(struct filler *filler, int64_t begin, int64_t end)
{
    const struct build_team *team = filler->plan->team;
    struct fill_batch batch = find_incomplete(filler, begin, end);
    filler->shares_segments = !has_work_for_all(filler, &batch);
    enum status status = filler->shares_segments ? encode_segments(filler, &batch) : STATUS_OK;
    status = team_agree(team, status);
    if (status == STATUS_OK)
        status = team_agree(team, complete_shards(filler, &batch));
    memory_free(batch.shards);
    return status;
}

enum status shards_fill(const struct shard_filler_plan *plan)
{
    const int threads = thread_pool_size(plan->pool);
    const int64_t count = plan->assembly.layout->count, batch = SHARDS_A_RANK * plan->team->size;
    struct filler filler = { .plan = plan };
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
