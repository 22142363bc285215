#include "shards/reading/reading_bench.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "shards/reading/batch_schedule.h"
#include "shards/reading/corpus.h"
#include "shards/reading/shard_set.h"

/* A chunk as it is stored, within `bytes` of the bench. */
struct stored_chunk {
    size_t at, bytes, chunk_bytes;
};

struct reading_bench {
    char *folder;
    int64_t seq_len;
    struct corpus *corpus;
    struct batch_schedule schedule;
    struct batch_walk walk;
    int64_t slot;
    int32_t *sample; /* [seq_len + 1] */

    struct shard_set set;
    int64_t shard, chunk; /* the next in sequence */
    struct chunk_scratch scratch;
    void *elements;
    struct strbuf stored; /* what was read last in sequence */
    struct stored_chunk *chunks;
    int64_t chunk_count;
};

enum status reading_bench_open(const char *folder, int64_t seq_len, uint64_t seed, int threads,
                               struct reading_bench **out)
{
    struct reading_bench *bench = memory_alloc_zeroed(1, sizeof *bench);
    enum status status;
    bench->folder = memory_copy_string(folder);
    bench->seq_len = seq_len;
    bench->sample = memory_alloc_zeroed((size_t)seq_len + 1, sizeof *bench->sample);
    bench->elements = memory_alloc(SHARD_CHUNK_MAX_BYTES);
    strbuf_init(&bench->stored);
    TRY_CLEANUP(corpus_open(folder, SPLIT_TRAIN, seq_len, &bench->corpus));
    corpus_set_threads(bench->corpus, threads);
    bench->schedule = (struct batch_schedule){ seed, corpus_sample_count(bench->corpus) };
    shard_set_init(&bench->set, bench->folder, corpus_list(bench->corpus), SPLIT_TRAIN, seq_len);
    if (bench->schedule.samples == 0)
        status = bad_input("corpus '%s' is shorter than one sequence of %lld tokens", folder,
                           (long long)seq_len);

cleanup:
    if (status == STATUS_OK)
        *out = bench;
    else
        reading_bench_close(bench);
    return status;
}

void reading_bench_close(struct reading_bench *bench)
{
    if (bench == NULL)
        return;
    shard_set_release(&bench->set);
    corpus_close(bench->corpus);
    chunk_scratch_release(&bench->scratch);
    strbuf_release(&bench->stored);
    memory_free(bench->chunks);
    memory_free(bench->elements);
    memory_free(bench->sample);
    memory_free(bench->folder);
    memory_free(bench);
}

int64_t reading_bench_tokens(const struct reading_bench *bench)
{
    return corpus_token_count(bench->corpus);
}

static struct reading_time start(void)
{
    return (struct reading_time){ 0, clock_seconds(), clock_cpu_seconds() };
}

static struct reading_time since(struct reading_time begun, int64_t tokens)
{
    return (struct reading_time){ tokens, clock_seconds() - begun.seconds,
                                  clock_cpu_seconds() - begun.cpu_seconds };
}

enum status reading_bench_scheduled(struct reading_bench *bench, int64_t tokens,
                                    struct reading_time *out)
{
    const struct reading_time begun = start();
    int64_t done = 0;
    for (; done < tokens; done += bench->seq_len)
        TRY(corpus_read_sample(bench->corpus,
                               batch_walk_sample(&bench->walk, &bench->schedule, bench->slot++),
                               bench->sample, NULL));
    *out = since(begun, done);
    return STATUS_OK;
}

/* The next chunk's reader and place; past the last comes the first. */
static enum status next_chunk(struct reading_bench *bench, struct shard_reader **reader,
                              int64_t *chunk, struct chunk_place *place)
{
    TRY(shard_set_use(&bench->set, bench->shard, reader));
    if (bench->chunk == shard_reader_chunk_count(*reader)) {
        bench->chunk = 0;
        bench->shard = (bench->shard + 1) % bench->set.count;
        TRY(shard_set_use(&bench->set, bench->shard, reader));
    }
    *chunk = bench->chunk++;
    return shard_reader_find_chunk(*reader, *chunk, place);
}

/* Decodes the chunks in sequence, and keeps what is stored of them. */
static enum status read_sequence(struct reading_bench *bench, int64_t tokens,
                                 struct reading_time *out)
{
    struct reading_time spent = { 0 };
    bench->chunk_count = 0;
    strbuf_reset(&bench->stored);
    while (spent.tokens < tokens) {
        struct shard_reader *reader;
        struct chunk_place place;
        int64_t chunk;
        const struct reading_time begun = start();
        TRY(next_chunk(bench, &reader, &chunk, &place));
        TRY(shard_reader_load_chunk(reader, chunk, &place, &bench->scratch, bench->elements));
        const struct reading_time taken = since(begun, shard_reader_chunk_length(reader, chunk));
        spent.tokens += taken.tokens;
        spent.seconds += taken.seconds;
        spent.cpu_seconds += taken.cpu_seconds;
        if (place.filters_left_out & 1u << CHUNK_DEFLATE)
            continue;
        bench->chunks =
            memory_realloc(bench->chunks, (size_t)(bench->chunk_count + 1) * sizeof *bench->chunks);
        bench->chunks[bench->chunk_count++] = (struct stored_chunk){
            .at = bench->stored.length,
            .bytes = (size_t)place.stored_bytes - 4, /* without the checksum */
            .chunk_bytes =
                (size_t)shard_reader_chunk_tokens(reader) * shard_reader_token_bytes(reader),
        };
        strbuf_add(&bench->stored, bench->scratch.stored, (size_t)place.stored_bytes - 4);
    }
    *out = spent;
    return STATUS_OK;
}

enum status reading_bench_sequence(struct reading_bench *bench, int64_t tokens,
                                   struct reading_time *sequence, struct reading_time *inflate)
{
    TRY(read_sequence(bench, tokens, sequence));
    const int64_t token_bytes = (int64_t)shard_token_bytes(corpus_vocab_size(bench->corpus));
    const struct reading_time begun = start();
    int64_t inflated = 0;
    for (int64_t i = 0; i < bench->chunk_count; i++) {
        const struct stored_chunk *chunk = &bench->chunks[i];
        const char *wrong =
            chunk_inflate(&bench->scratch, (const unsigned char *)bench->stored.bytes + chunk->at,
                          chunk->bytes, chunk->chunk_bytes);
        CHECK(wrong == NULL, "a chunk that was read %s", wrong);
        inflated += (int64_t)chunk->chunk_bytes / token_bytes;
    }
    *inflate = since(begun, inflated);
    return STATUS_OK;
}

double reading_bench_places(struct reading_bench *bench, int64_t slots)
{
    const double begun = clock_cpu_seconds();
    int64_t sum = 0;
    for (int64_t i = 0; i < slots; i++)
        sum += shard_set_find(&bench->set,
                              batch_schedule_sample(&bench->schedule, i * INT64_C(48611)));
    CHECK(sum >= 0, "shards of negative numbers");
    return clock_cpu_seconds() - begun;
}
