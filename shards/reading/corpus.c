#include "shards/reading/corpus.h"

#include <string.h>

#include "base/memory.h"
#include "base/thread_pool.h"
#include "shards/reading/batch_schedule.h"
#include "shards/format/chunk_cache.h"
#include "shards/format/corpus_manifest.h"
#include "shards/reading/shard_set.h"

struct corpus {
    char *folder;
    struct corpus_manifest own; /* empty where another corpus' is used */
    const struct corpus_manifest *manifest;
    struct corpus_totals totals; /* of the split */
    char digest[SHA256_HEX];
    int64_t seq_len;
    struct shard_set set;
    struct chunk_cache cache;

    struct thread_pool *pool;
    struct chunk_scratch *scratch; /* [threads] */
};

static enum status open_split(struct corpus *corpus, enum corpus_split split)
{
    corpus_set_threads(corpus, 1);
    corpus_manifest_digest(corpus->manifest, corpus->digest);
    corpus->totals = corpus_manifest_totals(corpus->manifest, split);
    shard_set_init(&corpus->set, corpus->folder, corpus->manifest, split, corpus->seq_len);
    if (corpus->set.count <= CORPUS_CHECKED_AT_ONCE)
        TRY(shard_set_check_all(&corpus->set));
    return STATUS_OK;
}

static struct corpus *new_corpus(const char *folder, int64_t seq_len)
{
    CHECK(seq_len > 0, "samples of %lld tokens", (long long)seq_len);
    struct corpus *corpus = memory_alloc_zeroed(1, sizeof *corpus);
    corpus->folder = memory_copy_string(folder);
    corpus->seq_len = seq_len;
    corpus->manifest = &corpus->own;
    return corpus;
}

static enum status finish_opening(struct corpus *corpus, enum status status, struct corpus **out)
{
    if (status == STATUS_OK)
        *out = corpus;
    else
        corpus_close(corpus);
    return status;
}

enum status corpus_open(const char *folder, enum corpus_split split, int64_t seq_len,
                        struct corpus **out)
{
    struct corpus *corpus = new_corpus(folder, seq_len);
    enum status status = corpus_manifest_read(folder, &corpus->own);
    if (status == STATUS_OK)
        status = open_split(corpus, split);
    return finish_opening(corpus, status, out);
}

enum status corpus_open_beside(const struct corpus *other, enum corpus_split split,
                               struct corpus **out)
{
    struct corpus *corpus = new_corpus(other->folder, other->seq_len);
    corpus->manifest = other->manifest;
    return finish_opening(corpus, open_split(corpus, split), out);
}

static void release_threads(struct corpus *corpus)
{
    for (int i = 0; corpus->pool && i < thread_pool_size(corpus->pool); i++)
        chunk_scratch_release(&corpus->scratch[i]);
    memory_free(corpus->scratch);
    thread_pool_free(corpus->pool);
}

void corpus_set_threads(struct corpus *corpus, int threads)
{
    release_threads(corpus);
    corpus->pool = thread_pool_create(threads);
    corpus->scratch = memory_alloc_zeroed((size_t)threads, sizeof *corpus->scratch);
}

void corpus_close(struct corpus *corpus)
{
    if (corpus == NULL)
        return;
    shard_set_release(&corpus->set);
    chunk_cache_release(&corpus->cache);
    release_threads(corpus);
    corpus_manifest_release(&corpus->own);
    memory_free(corpus->folder);
    memory_free(corpus);
}

struct shard_set *corpus_shards(struct corpus *corpus)
{
    return &corpus->set;
}

int64_t corpus_seq_len(const struct corpus *corpus)
{
    return corpus->seq_len;
}

const struct corpus_manifest *corpus_list(const struct corpus *corpus)
{
    return corpus->manifest;
}

int64_t corpus_sample_count(const struct corpus *corpus)
{
    return corpus->set.sample_count;
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
    return corpus->manifest->vocab_size;
}

const char *corpus_tokenizer_digest(const struct corpus *corpus)
{
    return corpus->manifest->tokenizer_digest;
}

const char *corpus_digest(const struct corpus *corpus)
{
    return corpus->digest;
}

/* ---- Chunks -------------------------------------------------------------------------------------
 */

/* Chunks of one shard that are decoded together, by all threads. */
struct chunk_batch {
    struct corpus *corpus;
    const struct shard_reader *reader;
    struct cached_chunk *entries[CHUNK_CACHE_TOGETHER];
    struct chunk_place places[CHUNK_CACHE_TOGETHER];
    enum status status[CHUNK_CACHE_TOGETHER];
    char *messages[CHUNK_CACHE_TOGETHER]; /* messages belong to their thread: a copy, or NULL */
    int count;
};

static void load_one(void *context, int64_t i, int thread)
{
    struct chunk_batch *batch = context;
    batch->status[i] =
        shard_reader_load_chunk(batch->reader, batch->entries[i]->chunk, &batch->places[i],
                                &batch->corpus->scratch[thread], batch->entries[i]->tokens);
    if (batch->status[i] != STATUS_OK)
        batch->messages[i] = memory_copy_string(status_message());
}

/* Decodes what was found; what cannot be decoded is forgotten, and the first of it told. */
static enum status load_batch(struct chunk_batch *batch)
{
    enum status first = STATUS_OK;
    thread_pool_run(batch->corpus->pool, batch->count, load_one, batch);
    for (int i = 0; i < batch->count; i++) {
        if (batch->status[i] == STATUS_OK)
            continue;
        if (first == STATUS_OK)
            first = status_set(batch->status[i], batch->messages[i]);
        chunk_cache_forget(&batch->corpus->cache, batch->entries[i]);
        memory_free(batch->messages[i]);
    }
    return first;
}

/* Finds the chunks of [first, end) that are not cached. What is cached becomes the newest before
 * anything is added, so that nothing of this range is given up. */
static enum status find_batch(struct chunk_batch *batch, int64_t shard, int64_t first, int64_t end)
{
    struct corpus *corpus = batch->corpus;
    int64_t missing[CHUNK_CACHE_TOGETHER];
    int missing_count = 0;
    CHECK(end - first <= CHUNK_CACHE_TOGETHER, "%lld chunks at once", (long long)(end - first));
    for (int64_t chunk = first; chunk < end; chunk++)
        if (chunk_cache_find(&corpus->cache, shard, chunk) == NULL)
            missing[missing_count++] = chunk;
    if (missing_count == 0)
        return STATUS_OK;

    struct shard_reader *reader;
    TRY(shard_set_use(&corpus->set, shard, &reader));
    batch->reader = reader;
    const size_t token_bytes = shard_reader_token_bytes(reader);
    for (int i = 0; i < missing_count; i++) {
        TRY(shard_reader_find_chunk(reader, missing[i], &batch->places[i]));
        batch->entries[i] =
            chunk_cache_add(&corpus->cache, shard, missing[i],
                            (size_t)shard_reader_chunk_tokens(reader) * token_bytes);
        batch->entries[i]->count = shard_reader_chunk_length(reader, missing[i]);
        batch->count++;
        TRY(shard_reader_first_token(reader, missing[i] + 1, &corpus->scratch[0],
                                     &batch->entries[i]->next_token));
    }
    return STATUS_OK;
}

static enum status try_to_load(struct corpus *corpus, int64_t shard, int64_t first, int64_t end)
{
    struct chunk_batch batch = { .corpus = corpus };
    enum status status = find_batch(&batch, shard, first, end);
    if (status == STATUS_OK)
        return batch.count > 0 ? load_batch(&batch) : STATUS_OK;
    for (int i = 0; i < batch.count; i++)
        chunk_cache_forget(&corpus->cache, batch.entries[i]);
    return status;
}

/* Sees to it that chunks [first, end), at most CHUNK_CACHE_TOGETHER, are in the cache. */
static enum status load_chunks(struct corpus *corpus, int64_t shard, int64_t first, int64_t end)
{
    enum status status = try_to_load(corpus, shard, first, end);
    if (status != STATUS_OK && shard_set_distrust(&corpus->set, shard))
        status = try_to_load(corpus, shard, first, end);
    return status;
}

static enum status try_to_mark(struct corpus *corpus, struct cached_chunk *chunk)
{
    struct shard_reader *reader;
    TRY(shard_set_use(&corpus->set, chunk->shard, &reader));
    return shard_reader_mark_documents(reader,
                                       chunk->chunk * corpus->set.shards[chunk->shard].chunk_tokens,
                                       chunk->count, &corpus->scratch[0], chunk->begins);
}

/* Sees to it that the chunk says where documents begin. */
static enum status mark_documents(struct corpus *corpus, struct cached_chunk *chunk)
{
    if (chunk->begins != NULL)
        return STATUS_OK;
    chunk->begins = memory_alloc(document_bits_bytes(chunk->count));
    enum status status = try_to_mark(corpus, chunk);
    if (status != STATUS_OK && shard_set_distrust(&corpus->set, chunk->shard))
        status = try_to_mark(corpus, chunk);
    if (status != STATUS_OK)
        chunk_cache_forget(&corpus->cache, chunk);
    return status;
}

/* ---- Samples ------------------------------------------------------------------------------------
 */

/* Positions [from, to), the first of which is token `within` of the chunk. */
static void fill_document_starts(const struct cached_chunk *chunk, int64_t within, int64_t from,
                                 int64_t to, int32_t *document_starts)
{
    int32_t start = from > 0 ? document_starts[from - 1] : 0;
    for (int64_t t = from; t < to; t++) {
        if (document_bits_get(chunk->begins, within + t - from))
            start = (int32_t)t;
        document_starts[t] = start;
    }
}

static struct cached_chunk *loaded_chunk(struct corpus *corpus, int64_t shard, int64_t number)
{
    struct cached_chunk *chunk = chunk_cache_find(&corpus->cache, shard, number);
    CHECK(chunk, "chunk %lld is not loaded", (long long)number);
    return chunk;
}

/* Tokens [*done, ...) of the sample at token `first` of its shard, as far as one chunk has them. */
static enum status copy_from_chunk(struct corpus *corpus, int64_t shard, int64_t first,
                                   int64_t *done, int32_t *tokens, int32_t *document_starts)
{
    const int64_t chunk_tokens = corpus->set.shards[shard].chunk_tokens;
    const int64_t seq_len = corpus->seq_len, at = first + *done, within = at % chunk_tokens;
    struct cached_chunk *chunk = loaded_chunk(corpus, shard, at / chunk_tokens);
    int64_t left = seq_len + 1 - *done, there = chunk->count - within;
    const int64_t count = left < there ? left : there, end = *done + count;
    const size_t token_bytes = chunk->bytes / (size_t)chunk_tokens;

    shard_tokens_widen((const char *)chunk->tokens + (size_t)within * token_bytes, token_bytes,
                       count, tokens + *done);
    if (document_starts != NULL) {
        TRY(mark_documents(corpus, chunk));
        fill_document_starts(chunk, within, *done, end < seq_len ? end : seq_len, document_starts);
    }
    *done = end;
    return STATUS_OK;
}

/* Whether the window of the schedule that is being read fits into the cache, by blocks of so many
 * chunks. */
static bool window_fits(int64_t chunks_a_block, size_t chunk_bytes)
{
    return chunks_a_block * SCHEDULE_WINDOW <= CHUNK_CACHE_ENTRIES &&
           (size_t)chunks_a_block * chunk_bytes * SCHEDULE_WINDOW <= CHUNK_CACHE_BYTES;
}

/* All of the samples of one block are wanted soon: they are decoded at once, while their shard is
 * open, of which HDF5 makes more work than of some chunks. */
static enum status load_block(struct corpus *corpus, int64_t shard, int64_t sample)
{
    const struct set_shard *here = &corpus->set.shards[shard];
    const int64_t seq_len = corpus->seq_len, block = sample / SCHEDULE_BLOCK * SCHEDULE_BLOCK;
    const int64_t shard_end = shard_set_end(&corpus->set, shard);
    const int64_t begin = block > here->first_sample ? block : here->first_sample;
    const int64_t end = block + SCHEDULE_BLOCK < shard_end ? block + SCHEDULE_BLOCK : shard_end;
    const int64_t first = (begin - here->first_sample) * seq_len / here->chunk_tokens;
    /* Of a block that ends with a chunk, the last target is known without the next one. */
    const int64_t last = ((end - here->first_sample) * seq_len - 1) / here->chunk_tokens;
    const size_t token_bytes = shard_token_bytes(corpus->manifest->vocab_size);

    if (!window_fits(SCHEDULE_BLOCK * seq_len / here->chunk_tokens + 1,
                     (size_t)here->chunk_tokens * token_bytes))
        return STATUS_OK;
    for (int64_t chunk = first; chunk <= last; chunk += CHUNK_CACHE_TOGETHER)
        TRY(load_chunks(corpus, shard, chunk,
                        chunk + CHUNK_CACHE_TOGETHER <= last ? chunk + CHUNK_CACHE_TOGETHER
                                                             : last + 1));
    return STATUS_OK;
}

/* The sample's last target, where it is the first token of the chunk behind the last one used. */
static bool take_next_token(struct corpus *corpus, int64_t shard, int64_t last, int64_t *done,
                            int32_t *tokens)
{
    const int64_t chunk_tokens = corpus->set.shards[shard].chunk_tokens;
    if (*done != corpus->seq_len || (last + 1) % chunk_tokens != 0)
        return false;
    const struct cached_chunk *chunk = chunk_cache_find(&corpus->cache, shard, last / chunk_tokens);
    if (chunk == NULL || chunk->next_token < 0)
        return false;
    tokens[(*done)++] = chunk->next_token;
    return true;
}

/* The chunk tokens are known once a shard has been open. */
static enum status know_chunks(struct corpus *corpus, int64_t shard)
{
    struct shard_reader *reader;
    return corpus->set.shards[shard].chunk_tokens > 0 ? STATUS_OK
                                                      : shard_set_use(&corpus->set, shard, &reader);
}

enum status corpus_read_sample(struct corpus *corpus, int64_t sample, int32_t *tokens,
                               int32_t *document_starts)
{
    CHECK(sample >= 0 && sample < corpus->set.sample_count, "sample %lld of %lld",
          (long long)sample, (long long)corpus->set.sample_count);
    const int64_t shard = shard_set_find(&corpus->set, sample), seq_len = corpus->seq_len;
    const int64_t first = (sample - corpus->set.shards[shard].first_sample) * seq_len;
    TRY(know_chunks(corpus, shard));
    const int64_t chunk_tokens = corpus->set.shards[shard].chunk_tokens;
    if (chunk_cache_find(&corpus->cache, shard, first / chunk_tokens) == NULL)
        TRY(load_block(corpus, shard, sample));

    for (int64_t done = 0; done <= seq_len;) {
        if (take_next_token(corpus, shard, first + done - 1, &done, tokens))
            continue;
        const int64_t chunk = (first + done) / chunk_tokens;
        /* At first without the last target, which the last chunk may know. */
        const int64_t needed = done < seq_len ? seq_len - 1 : seq_len;
        const int64_t end_chunk = (first + needed) / chunk_tokens + 1;
        int64_t end =
            chunk + CHUNK_CACHE_TOGETHER < end_chunk ? chunk + CHUNK_CACHE_TOGETHER : end_chunk;
        TRY(load_chunks(corpus, shard, chunk, end));
        while (done <= seq_len && first + done < end * chunk_tokens)
            TRY(copy_from_chunk(corpus, shard, first, &done, tokens, document_starts));
    }
    return STATUS_OK;
}
