#include "shards/format/corpus_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void corpus_manifest_init(struct corpus_manifest *manifest, const char *tokenizer_digest,
                          int64_t vocab_size)
{
    *manifest = (struct corpus_manifest){ .vocab_size = vocab_size };
    CHECK(strlen(tokenizer_digest) == SHA256_HEX - 1, "'%s' is no digest", tokenizer_digest);
    memcpy(manifest->tokenizer_digest, tokenizer_digest, SHA256_HEX);
    manifest->rules.document_start = memory_copy_string("");
}

void corpus_manifest_release(struct corpus_manifest *manifest)
{
    for (int64_t i = 0; i < manifest->shard_count; i++)
        memory_free(manifest->shards[i].file);
    for (int64_t i = 0; i < manifest->input_count; i++)
        memory_free(manifest->inputs[i].name);
    memory_free(manifest->shards);
    memory_free(manifest->inputs);
    memory_free(manifest->rules.document_start);
    corpus_report_release(&manifest->report);
    json_free(manifest->options);
    *manifest = (struct corpus_manifest){ 0 };
}

/* Room for one more in an array that doubles. */
static void *grown(void *items, int64_t count, size_t bytes_each)
{
    if ((count & (count - 1)) != 0)
        return items;
    size_t capacity = count == 0 ? 1 : 2 * (size_t)count;
    return memory_realloc(items, capacity * bytes_each);
}

void corpus_manifest_add_shard(struct corpus_manifest *manifest, const struct manifest_shard *shard)
{
    manifest->shards = grown(manifest->shards, manifest->shard_count, sizeof *manifest->shards);
    struct manifest_shard *added = &manifest->shards[manifest->shard_count++];
    *added = *shard;
    added->file = memory_copy_string(shard->file);
}

static int compare_shards(const void *first, const void *second)
{
    const struct manifest_shard *a = first, *b = second;
    return a->split != b->split ? (int)a->split - (int)b->split : strcmp(a->file, b->file);
}

void corpus_manifest_sort_shards(struct corpus_manifest *manifest)
{
    if (manifest->shard_count > 0)
        qsort(manifest->shards, (size_t)manifest->shard_count, sizeof *manifest->shards,
              compare_shards);
}

void corpus_manifest_add_input(struct corpus_manifest *manifest, const struct manifest_input *input)
{
    manifest->inputs = grown(manifest->inputs, manifest->input_count, sizeof *manifest->inputs);
    struct manifest_input *added = &manifest->inputs[manifest->input_count++];
    *added = *input;
    added->name = memory_copy_string(input->name);
}

void corpus_manifest_set_rules(struct corpus_manifest *manifest, const struct corpus_rules *rules)
{
    char *document_start = memory_copy_string(rules->document_start);
    memory_free(manifest->rules.document_start);
    manifest->rules = *rules;
    manifest->rules.document_start = document_start;
}

struct corpus_totals corpus_manifest_totals(const struct corpus_manifest *manifest,
                                            enum corpus_split split)
{
    struct corpus_totals totals = { 0 };
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        const struct manifest_shard *shard = &manifest->shards[i];
        if (shard->split != split)
            continue;
        totals.shards++;
        totals.tokens += shard->tokens;
        totals.documents += shard->documents;
        totals.text_bytes += shard->text_bytes;
        totals.file_bytes += shard->file_bytes;
    }
    return totals;
}

void corpus_manifest_digest(const struct corpus_manifest *manifest, char hex[SHA256_HEX])
{
    struct sha256 hash;
    sha256_init(&hash);
    for (int64_t i = 0; i < manifest->shard_count; i++)
        sha256_add(&hash, manifest->shards[i].sha256, SHA256_HEX - 1);
    sha256_finish_hex(&hash, hex);
}

struct shard_claim corpus_manifest_claim(const struct corpus_manifest *manifest, int64_t shard)
{
    const struct manifest_shard *listed = &manifest->shards[shard];
    struct shard_claim claim = {
        .identity = { .vocab_size = manifest->vocab_size, .split = listed->split },
        .tokens = listed->tokens,
        .documents = listed->documents,
        .file_bytes = listed->file_bytes,
    };
    memcpy(claim.identity.tokenizer_digest, manifest->tokenizer_digest, SHA256_HEX);
    return claim;
}
