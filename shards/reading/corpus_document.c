#include "shards/reading/corpus_document.h"

#include <string.h>

#include "base/memory.h"
#include "shards/format/shard_reader.h"

/* The shard that holds the split's document *index, which becomes its index there. */
static enum status find_shard(const char *folder, const struct corpus_manifest *manifest,
                              enum corpus_split split, int64_t *index, int64_t *shard)
{
    int64_t passed = 0;
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        if (manifest->shards[i].split != split)
            continue;
        if (*index - passed < manifest->shards[i].documents) {
            *index -= passed;
            *shard = i;
            return STATUS_OK;
        }
        passed += manifest->shards[i].documents;
    }
    return bad_input("corpus '%s' has no document %lld in its split '%s': it has %lld there",
                     folder, (long long)*index, corpus_split_names[split], (long long)passed);
}

/* Where the document begins and how long it is, within the shard. */
static enum status read_place(struct shard_reader *reader, struct chunk_scratch *scratch,
                              struct corpus_document *document)
{
    uint64_t offsets[2];
    TRY(shard_reader_read_offsets(reader, document->index_in_shard, 2, scratch, offsets));
    if (offsets[0] >= offsets[1] || offsets[1] > (uint64_t)document->shard->tokens)
        return bad_input("shard '%s' places document %lld at tokens %llu to %llu of %lld",
                         document->shard->file, (long long)document->index_in_shard,
                         (unsigned long long)offsets[0], (unsigned long long)offsets[1],
                         (long long)document->shard->tokens);
    document->first_token = (int64_t)offsets[0];
    document->token_count = (int64_t)(offsets[1] - offsets[0]);
    return STATUS_OK;
}

static enum status read_input(struct shard_reader *reader, struct chunk_scratch *scratch,
                              const struct corpus_manifest *manifest,
                              struct corpus_document *document)
{
    uint64_t source;
    TRY(shard_reader_read_sources(reader, document->index_in_shard, 1, scratch, &source));
    if (source >= (uint64_t)manifest->input_count)
        return bad_input("shard '%s' says that document %lld comes from input %llu of %lld",
                         document->shard->file, (long long)document->index_in_shard,
                         (unsigned long long)source, (long long)manifest->input_count);
    document->input = &manifest->inputs[source];
    return STATUS_OK;
}

/* Grows with what was really read: the length is still a mere claim of the file. */
static enum status read_tokens(struct shard_reader *reader, struct chunk_scratch *scratch,
                               struct corpus_document *document)
{
    const int64_t chunk_tokens = shard_reader_chunk_tokens(reader);
    const int64_t end = document->first_token + document->token_count;
    int32_t *chunk = memory_alloc((size_t)chunk_tokens * sizeof *chunk);
    enum status status = STATUS_OK;

    int64_t done = 0;
    for (int64_t at = document->first_token; at < end && status == STATUS_OK;) {
        int64_t count, within = at % chunk_tokens;
        status = shard_reader_read_chunk(reader, at / chunk_tokens, scratch, chunk, &count);
        if (status != STATUS_OK)
            break;
        int64_t taken = count - within < end - at ? count - within : end - at;
        document->tokens =
            memory_realloc(document->tokens, (size_t)(done + taken) * sizeof *document->tokens);
        memcpy(document->tokens + done, chunk + within, (size_t)taken * sizeof *chunk);
        done += taken;
        at += taken;
    }
    memory_free(chunk);
    return status;
}

enum status corpus_document_read(const char *folder, const struct corpus_manifest *manifest,
                                 enum corpus_split split, int64_t index,
                                 struct corpus_document *out)
{
    int64_t shard;
    *out = (struct corpus_document){ 0 };
    strbuf_init(&out->label.name);
    TRY(find_shard(folder, manifest, split, &index, &shard));
    out->shard = &manifest->shards[shard];
    out->index_in_shard = index;

    const struct shard_claim claim = corpus_manifest_claim(manifest, shard);
    char *path = path_join(folder, out->shard->file);
    struct shard_reader *reader = NULL;
    struct chunk_scratch scratch = { 0 };
    enum status status;
    TRY_CLEANUP(shard_reader_open(path, &claim, &reader));
    TRY_CLEANUP(read_place(reader, &scratch, out));
    TRY_CLEANUP(read_input(reader, &scratch, manifest, out));
    TRY_CLEANUP(shard_reader_read_label(reader, out->index_in_shard, &scratch, &out->label));
    status = read_tokens(reader, &scratch, out);

cleanup:
    if (status != STATUS_OK)
        corpus_document_release(out);
    shard_reader_close(reader);
    chunk_scratch_release(&scratch);
    memory_free(path);
    return status;
}

void corpus_document_release(struct corpus_document *document)
{
    memory_free(document->tokens);
    if (document->shard != NULL)
        strbuf_release(&document->label.name);
    *document = (struct corpus_document){ 0 };
}
