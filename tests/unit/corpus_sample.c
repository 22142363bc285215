#include "tests/unit/corpus_sample.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "shards/format/file_digest.h"
#include "shards/format/shard_writer.h"

static const char tokenizer_digest_sample[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

int32_t corpus_sample_token(int64_t shard, int64_t place)
{
    const struct philox_key key = philox_key(17, RANDOM_TEST);
    return (int32_t)(philox_u64(key, (uint64_t)shard, (uint64_t)place) % CORPUS_SAMPLE_VOCAB);
}

bool corpus_sample_begins(int64_t shard, int64_t place)
{
    const struct philox_key key = philox_key(18, RANDOM_TEST);
    return place == 0 || philox_u64(key, (uint64_t)shard, (uint64_t)place) % 24 == 0;
}

static enum status add_documents(struct shard_writer *writer, int64_t shard, const int32_t *ids,
                                 int64_t tokens)
{
    for (int64_t begin = 0, end; begin < tokens; begin = end) {
        for (end = begin + 1; end < tokens && !corpus_sample_begins(shard, end);)
            end++;
        const struct document_origin origin = { .number = shard_writer_documents(writer) };
        TRY(shard_writer_add(writer, ids + begin, end - begin, &origin));
    }
    return STATUS_OK;
}

static enum status write_shard(const char *path, const char *tokenizer_digest,
                               enum corpus_split split, int64_t shard, int64_t tokens,
                               int64_t *documents)
{
    struct shard_identity identity = { .vocab_size = CORPUS_SAMPLE_VOCAB, .split = split };
    memcpy(identity.tokenizer_digest, tokenizer_digest, SHA256_HEX);
    struct shard_writer *writer;
    TRY(shard_writer_open(path, &identity, false, &writer));
    int32_t *ids = memory_alloc((size_t)tokens * sizeof *ids);
    for (int64_t i = 0; i < tokens; i++)
        ids[i] = corpus_sample_token(shard, i);
    enum status status = add_documents(writer, shard, ids, tokens);
    *documents = shard_writer_documents(writer);
    memory_free(ids);
    TRY(status);
    return shard_writer_close(writer);
}

static void add_shard(struct corpus_manifest *manifest, const char *folder, enum corpus_split split,
                      int64_t number, int64_t tokens)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%05lld.h5", corpus_split_names[split], (long long)number);
    struct manifest_shard shard = {
        .file = name,
        .split = split,
        .tokens = tokens,
        .text_bytes = 3 * tokens,
    };
    char *path = path_join(folder, name);
    enum status status = write_shard(path, manifest->tokenizer_digest, split, manifest->shard_count,
                                     tokens, &shard.documents);
    if (status == STATUS_OK)
        status = file_digest(path, shard.sha256, &shard.file_bytes);
    memory_free(path);
    CHECK(status == STATUS_OK, "%s", status_message());
    corpus_manifest_add_shard(manifest, &shard);
}

struct corpus_manifest corpus_sample_write(const char *folder, const int64_t *tokens)
{
    return corpus_sample_write_as(folder, tokens, tokenizer_digest_sample);
}

struct corpus_manifest corpus_sample_write_as(const char *folder, const int64_t *tokens,
                                              const char *tokenizer_digest)
{
    struct corpus_manifest manifest;
    struct manifest_input input = { .name = "sample.txt", .file_bytes = 1 };
    struct corpus_rules rules = { .document_start = "", .shard_tokens = 1 };
    memcpy(input.sha256, tokenizer_digest_sample, SHA256_HEX);
    corpus_manifest_init(&manifest, tokenizer_digest, CORPUS_SAMPLE_VOCAB);
    for (int64_t i = 0; tokens[i] > 0; i++)
        add_shard(&manifest, folder, SPLIT_TRAIN, i, tokens[i]);
    add_shard(&manifest, folder, SPLIT_HELDOUT, 0, 100);
    corpus_manifest_add_input(&manifest, &input);
    corpus_manifest_set_rules(&manifest, &rules);
    enum status status = corpus_manifest_write(&manifest, folder);
    CHECK(status == STATUS_OK, "%s", status_message());
    return manifest;
}
