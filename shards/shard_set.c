#include "shards/shard_set.h"

#include "base/memory.h"
#include "base/strbuf.h"

void shard_set_init(struct shard_set *set, const char *folder,
                    const struct corpus_manifest *manifest, enum corpus_split split,
                    int64_t seq_len)
{
    *set = (struct shard_set){ .folder = folder, .manifest = manifest };
    const int64_t count = corpus_manifest_totals(manifest, split).shards;
    set->shards = memory_alloc_zeroed((size_t)count + 1, sizeof *set->shards);
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        if (manifest->shards[i].split != split)
            continue;
        set->shards[set->count++] =
            (struct set_shard){ .listed = i, .first_sample = set->sample_count };
        set->sample_count += (manifest->shards[i].tokens - 1) / seq_len;
    }
}

void shard_set_release(struct shard_set *set)
{
    for (int i = 0; i < set->open_count; i++)
        shard_reader_close(set->open[i].reader);
    memory_free(set->shards);
    *set = (struct shard_set){ 0 };
}

/* The last that starts at or before the sample. (Of shards that start alike, all but the last are
 * too short for a sample.) */
int64_t shard_set_find(const struct shard_set *set, int64_t sample)
{
    int64_t low = 0, high = set->count; /* shards[low] starts at or before the sample */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (set->shards[middle].first_sample <= sample)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t shard_set_end(const struct shard_set *set, int64_t shard)
{
    return shard + 1 < set->count ? set->shards[shard + 1].first_sample : set->sample_count;
}

/* A place among the open ones: free, or that of the one whose last use is the longest ago. */
static struct open_shard *place_to_open(struct shard_set *set)
{
    if (set->open_count < SHARD_SET_OPEN)
        return &set->open[set->open_count];
    struct open_shard *oldest = set->open;
    for (int i = 1; i < set->open_count; i++)
        if (set->open[i].last_use < oldest->last_use)
            oldest = &set->open[i];
    return oldest;
}

static enum status open_shard(const struct shard_set *set, int64_t shard,
                              struct shard_reader **reader)
{
    struct set_shard *opened = &set->shards[shard];
    const char *name = set->manifest->shards[opened->listed].file;
    const struct shard_claim claim = corpus_manifest_claim(set->manifest, opened->listed);
    char *path = path_join(set->folder, name);
    enum status status = opened->chunk_tokens == 0 ? shard_reader_open(path, &claim, reader)
                                                   : shard_reader_reopen(path, &claim, reader);
    memory_free(path);
    TRY(status);
    /* What is cached of it was cut by its chunks. */
    const int64_t chunk_tokens = shard_reader_chunk_tokens(*reader);
    if (opened->chunk_tokens != 0 && opened->chunk_tokens != chunk_tokens) {
        shard_reader_close(*reader);
        return bad_input("shard '%s' of corpus '%s' was replaced while it is read", name,
                         set->folder);
    }
    opened->chunk_tokens = chunk_tokens;
    return STATUS_OK;
}

enum status shard_set_use(struct shard_set *set, int64_t shard, struct shard_reader **out)
{
    for (int i = 0; i < set->open_count; i++)
        if (set->open[i].shard == shard) {
            set->open[i].last_use = ++set->clock;
            *out = set->open[i].reader;
            return STATUS_OK;
        }
    TRY(open_shard(set, shard, out));
    struct open_shard *place = place_to_open(set);
    if (place == &set->open[set->open_count])
        set->open_count++;
    else
        shard_reader_close(place->reader);
    *place = (struct open_shard){ shard, ++set->clock, *out };
    return STATUS_OK;
}

enum status shard_set_check_all(struct shard_set *set)
{
    struct shard_reader *reader;
    for (int64_t shard = 0; shard < set->count; shard++)
        TRY(shard_set_use(set, shard, &reader));
    return STATUS_OK;
}
