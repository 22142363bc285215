#include "shards/reading/shard_set.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "shards/reading/staged_file.h"

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
    memory_free(set->staged_folder);
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

static const struct manifest_shard *listed(const struct shard_set *set, int64_t shard)
{
    return &set->manifest->shards[set->shards[shard].listed];
}

/* Opens the shard's file of that name, which is freed. */
static enum status open_file(const struct shard_set *set, int64_t shard, char *path,
                             struct shard_reader **reader)
{
    const struct set_shard *opened = &set->shards[shard];
    const struct shard_claim claim = corpus_manifest_claim(set->manifest, opened->listed);
    enum status status = opened->chunk_tokens == 0 ? shard_reader_open(path, &claim, reader)
                                                   : shard_reader_reopen(path, &claim, reader);
    memory_free(path);
    return status;
}

/* The path of a copy of the shard, or NULL. */
static char *find_copy(const struct shard_set *set, int64_t shard)
{
    if (set->staged_folder == NULL || set->shards[shard].is_distrusted)
        return NULL;
    char *path = staged_file_path(set->staged_folder, listed(set, shard)->sha256);
    if (file_exists(path))
        return path;
    memory_free(path);
    return NULL;
}

static void remove_copy(struct shard_set *set, int64_t shard)
{
    char *path = staged_file_path(set->staged_folder, listed(set, shard)->sha256);
    log_warning("the copy '%s' of a shard is removed: %s", path, status_message());
    staged_file_remove(path);
    memory_free(path);
    set->shards[shard].is_distrusted = true;
}

static enum status open_shard(struct shard_set *set, int64_t shard, struct open_shard *out)
{
    const char *name = listed(set, shard)->file;
    char *copy = find_copy(set, shard);
    out->shard = shard;
    out->is_staged = copy != NULL && open_file(set, shard, copy, &out->reader) == STATUS_OK;
    if (copy != NULL && !out->is_staged)
        remove_copy(set, shard);
    if (!out->is_staged)
        TRY(open_file(set, shard, path_join(set->folder, name), &out->reader));
    /* What is cached of it was cut by its chunks. */
    const int64_t chunk_tokens = shard_reader_chunk_tokens(out->reader);
    int64_t *known = &set->shards[shard].chunk_tokens;
    if (*known != 0 && *known != chunk_tokens) {
        shard_reader_close(out->reader);
        return bad_input("shard '%s' of corpus '%s' was replaced while it is read", name,
                         set->folder);
    }
    *known = chunk_tokens;
    return STATUS_OK;
}

static struct open_shard *find_open(struct shard_set *set, int64_t shard)
{
    for (int i = 0; i < set->open_count; i++)
        if (set->open[i].shard == shard)
            return &set->open[i];
    return NULL;
}

static void close_open(struct shard_set *set, struct open_shard *open)
{
    shard_reader_close(open->reader);
    *open = set->open[--set->open_count];
}

/* Whether there is a copy by now of a shard that is open from elsewhere. */
static bool has_new_copy(const struct shard_set *set, const struct open_shard *open)
{
    char *copy = open->is_staged ? NULL : find_copy(set, open->shard);
    memory_free(copy);
    return copy != NULL;
}

enum status shard_set_use(struct shard_set *set, int64_t shard, struct shard_reader **out)
{
    struct open_shard *found = find_open(set, shard), opened;
    if (found != NULL && has_new_copy(set, found)) {
        close_open(set, found);
        found = NULL;
    }
    if (found == NULL) {
        TRY(open_shard(set, shard, &opened));
        found = place_to_open(set);
        if (found == &set->open[set->open_count])
            set->open_count++;
        else
            shard_reader_close(found->reader);
        *found = opened;
    }
    found->last_use = ++set->clock;
    *out = found->reader;
    return STATUS_OK;
}

bool shard_set_distrust(struct shard_set *set, int64_t shard)
{
    struct open_shard *open = find_open(set, shard);
    if (open == NULL || !open->is_staged)
        return false;
    close_open(set, open);
    remove_copy(set, shard);
    return true;
}

void shard_set_prefer_staged(struct shard_set *set, const char *folder)
{
    memory_free(set->staged_folder);
    set->staged_folder = memory_copy_string(folder);
}

enum status shard_set_check_all(struct shard_set *set)
{
    struct shard_reader *reader;
    for (int64_t shard = 0; shard < set->count; shard++)
        TRY(shard_set_use(set, shard, &reader));
    return STATUS_OK;
}
