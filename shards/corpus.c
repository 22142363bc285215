#include "shards/corpus.h"

#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "shards/chunk_cache.h"
#include "shards/corpus_manifest.h"
#include "shards/shard_reader.h"

/* Shards held open at once: HDF5 takes more than half a megabyte for each. */
enum { OPEN_SHARDS_MAX = 32 };

/* A shard of the split. */
struct corpus_shard {
    int64_t listed;       /* its index in the manifest */
    int64_t first_sample; /* its samples are [first_sample, that of the next shard) */
    int64_t chunk_tokens;
    struct shard_reader *reader; /* or NULL: not open now */
    int64_t last_use;
};

struct corpus {
    char *folder;
    struct corpus_manifest manifest;
    struct corpus_totals totals; /* of the split */
    char digest[SHA256_HEX];
    int64_t seq_len, sample_count;
    struct corpus_shard *shards;
    int64_t shard_count, open_count, clock;
    struct chunk_cache cache;
    struct chunk_scratch scratch;
};

static void close_shard(struct corpus *corpus, struct corpus_shard *shard)
{
    shard_reader_close(shard->reader);
    shard->reader = NULL;
    corpus->open_count--;
}

/* When it was used last; those that are not open come after all that are. */
static int64_t turn_to_close(const struct corpus_shard *shard)
{
    return shard->reader != NULL ? shard->last_use : INT64_MAX;
}

static void close_oldest_shard(struct corpus *corpus)
{
    struct corpus_shard *oldest = corpus->shards;
    for (int64_t i = 1; i < corpus->shard_count; i++)
        if (turn_to_close(&corpus->shards[i]) < turn_to_close(oldest))
            oldest = &corpus->shards[i];
    close_shard(corpus, oldest);
}

/* Sees to it that the shard is open. */
static enum status use_shard(struct corpus *corpus, struct corpus_shard *shard)
{
    shard->last_use = ++corpus->clock;
    if (shard->reader != NULL)
        return STATUS_OK;
    if (corpus->open_count == OPEN_SHARDS_MAX)
        close_oldest_shard(corpus);

    const struct shard_claim claim = corpus_manifest_claim(&corpus->manifest, shard->listed);
    char *path = path_join(corpus->folder, corpus->manifest.shards[shard->listed].file);
    enum status status = shard_reader_open(path, &claim, &shard->reader);
    memory_free(path);
    TRY(status);
    corpus->open_count++;
    /* The cache's entries have room for the chunks that were there at first. */
    const int64_t chunk_tokens = shard_reader_chunk_tokens(shard->reader);
    if (shard->chunk_tokens != 0 && shard->chunk_tokens != chunk_tokens)
        return bad_input("shard '%s' of corpus '%s' was replaced while it is read",
                         corpus->manifest.shards[shard->listed].file, corpus->folder);
    shard->chunk_tokens = chunk_tokens;
    return STATUS_OK;
}

/* Lists the split's shards and opens each once, so that a bad one is found now. */
static enum status open_shards(struct corpus *corpus, enum corpus_split split)
{
    int64_t largest_chunk = 1;
    corpus->shards = memory_alloc_zeroed((size_t)corpus->totals.shards + 1, sizeof *corpus->shards);
    for (int64_t i = 0; i < corpus->manifest.shard_count; i++) {
        const struct manifest_shard *listed = &corpus->manifest.shards[i];
        if (listed->split != split)
            continue;
        struct corpus_shard *shard = &corpus->shards[corpus->shard_count++];
        shard->listed = i;
        shard->first_sample = corpus->sample_count;
        corpus->sample_count += (listed->tokens - 1) / corpus->seq_len;
        TRY(use_shard(corpus, shard));
        if (shard->chunk_tokens > largest_chunk)
            largest_chunk = shard->chunk_tokens;
    }
    chunk_cache_init(&corpus->cache, largest_chunk);
    return STATUS_OK;
}

enum status corpus_open(const char *folder, enum corpus_split split, int64_t seq_len,
                        struct corpus **out)
{
    CHECK(seq_len > 0, "samples of %lld tokens", (long long)seq_len);
    struct corpus *corpus = memory_alloc_zeroed(1, sizeof *corpus);
    enum status status;
    corpus->folder = memory_copy_string(folder);
    corpus->seq_len = seq_len;
    TRY_CLEANUP(corpus_manifest_read(folder, &corpus->manifest));
    corpus_manifest_digest(&corpus->manifest, corpus->digest);
    corpus->totals = corpus_manifest_totals(&corpus->manifest, split);
    TRY_CLEANUP(open_shards(corpus, split));

cleanup:
    if (status == STATUS_OK)
        *out = corpus;
    else
        corpus_close(corpus);
    return status;
}

void corpus_close(struct corpus *corpus)
{
    if (corpus == NULL)
        return;
    for (int64_t i = 0; i < corpus->shard_count; i++)
        if (corpus->shards[i].reader != NULL)
            close_shard(corpus, &corpus->shards[i]);
    chunk_cache_release(&corpus->cache);
    chunk_scratch_release(&corpus->scratch);
    corpus_manifest_release(&corpus->manifest);
    memory_free(corpus->shards);
    memory_free(corpus->folder);
    memory_free(corpus);
}

int64_t corpus_sample_count(const struct corpus *corpus)
{
    return corpus->sample_count;
}

int64_t corpus_token_count(const struct corpus *corpus)
{
    return corpus->totals.tokens;
}

int64_t corpus_byte_count(const struct corpus *corpus)
{
    return corpus->totals.text_bytes;
}

int64_t corpus_vocab_size(const struct corpus *corpus)
{
    return corpus->manifest.vocab_size;
}

const char *corpus_tokenizer_digest(const struct corpus *corpus)
{
    return corpus->manifest.tokenizer_digest;
}

const char *corpus_digest(const struct corpus *corpus)
{
    return corpus->digest;
}

/* The index of the shard that the sample lies in: the last that starts at or before it. (Of
 * shards that start alike, all but the last are too short for a sample.) */
static int64_t shard_of_sample(const struct corpus *corpus, int64_t sample)
{
    int64_t low = 0, high = corpus->shard_count; /* shards[low] starts at or before the sample */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (corpus->shards[middle].first_sample <= sample)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static enum status load_chunk(struct corpus *corpus, int64_t shard, int64_t chunk,
                              struct cached_chunk **out)
{
    bool found;
    struct cached_chunk *entry = chunk_cache_get(&corpus->cache, shard, chunk, &found);
    *out = entry;
    if (found)
        return STATUS_OK;
    enum status status = use_shard(corpus, &corpus->shards[shard]);
    if (status == STATUS_OK)
        status = shard_reader_read_chunk(corpus->shards[shard].reader, chunk, &corpus->scratch,
                                         entry->tokens, &entry->count);
    if (status != STATUS_OK)
        chunk_cache_forget(entry);
    return status;
}

/* Sees to it that the chunk says where documents begin. */
static enum status mark_documents(struct corpus *corpus, struct cached_chunk *chunk)
{
    struct corpus_shard *shard = &corpus->shards[chunk->shard];
    if (chunk->begins != NULL)
        return STATUS_OK;
    TRY(use_shard(corpus, shard));
    chunk->begins = memory_alloc((size_t)chunk->count * sizeof *chunk->begins);
    enum status status =
        shard_reader_mark_documents(shard->reader, chunk->chunk * shard->chunk_tokens, chunk->count,
                                    &corpus->scratch, chunk->begins);
    if (status != STATUS_OK)
        chunk_cache_forget(chunk);
    return status;
}

/* Positions [from, to), the first of which is `begins`. */
static void fill_document_starts(const bool *begins, int64_t from, int64_t to,
                                 int32_t *document_starts)
{
    int32_t start = from > 0 ? document_starts[from - 1] : 0;
    for (int64_t t = from; t < to; t++) {
        if (begins[t - from])
            start = (int32_t)t;
        document_starts[t] = start;
    }
}

enum status corpus_read_sample(struct corpus *corpus, int64_t sample, int32_t *tokens,
                               int32_t *document_starts)
{
    CHECK(sample >= 0 && sample < corpus->sample_count, "sample %lld of %lld", (long long)sample,
          (long long)corpus->sample_count);
    const int64_t shard = shard_of_sample(corpus, sample), seq_len = corpus->seq_len;
    const int64_t chunk_tokens = corpus->shards[shard].chunk_tokens;
    const int64_t first = (sample - corpus->shards[shard].first_sample) * seq_len;

    for (int64_t done = 0; done <= seq_len;) {
        struct cached_chunk *chunk;
        TRY(load_chunk(corpus, shard, (first + done) / chunk_tokens, &chunk));
        int64_t within = (first + done) % chunk_tokens, left = seq_len + 1 - done;
        int64_t end = done + (chunk->count - within < left ? chunk->count - within : left);
        memcpy(tokens + done, chunk->tokens + within, (size_t)(end - done) * sizeof *tokens);
        if (document_starts != NULL) {
            TRY(mark_documents(corpus, chunk));
            fill_document_starts(chunk->begins + within, done, end < seq_len ? end : seq_len,
                                 document_starts);
        }
        done = end;
    }
    return STATUS_OK;
}
