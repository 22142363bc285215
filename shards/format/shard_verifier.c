#include "shards/format/shard_verifier.h"

#include <string.h>

#include "base/memory.h"
#include "shards/format/file_digest.h"
#include "shards/format/shard_reader.h"

enum { DOCUMENTS_AT_ONCE = 4096 };

struct shard_verifier {
    const struct corpus_manifest *manifest;
    const struct manifest_shard *shard;
    const struct tokenizer *tokenizer;
    struct shard_reader *reader;
    struct chunk_scratch scratch;
    int32_t *tokens;  /* of one chunk */
    int32_t before;   /* the token before the one that is looked at */
    int64_t document; /* the next to begin */
    int64_t text_bytes;
    uint64_t offsets[DOCUMENTS_AT_ONCE], sources[DOCUMENTS_AT_ONCE]; /* from `first` on */
    int64_t first, count;
};

enum status corpus_tokenizer_read(const char *folder, const struct corpus_manifest *manifest,
                                  struct tokenizer **out)
{
    struct tokenizer *tokenizer = NULL;
    char *path = path_join(folder, CORPUS_TOKENIZER_NAME);
    enum status status;
    TRY_CLEANUP(tokenizer_read(path, &tokenizer));
    if (strcmp(tokenizer_digest(tokenizer), manifest->tokenizer_digest) != 0 ||
        tokenizer_vocab_size(tokenizer) != manifest->vocab_size)
        status = bad_input("'%s' is not the tokenizer that %s names", path, CORPUS_MANIFEST_NAME);

cleanup:
    memory_free(path);
    if (status == STATUS_OK)
        *out = tokenizer;
    else
        tokenizer_free(tokenizer);
    return status;
}

/* Where the next document begins, or, after the last, where the shard ends. */
static enum status next_offset(struct shard_verifier *verifier, uint64_t *offset)
{
    const int64_t documents = verifier->shard->documents;
    if (verifier->document == verifier->first + verifier->count) {
        int64_t left = documents + 1 - verifier->document;
        verifier->first = verifier->document;
        verifier->count = left < DOCUMENTS_AT_ONCE ? left : DOCUMENTS_AT_ONCE;
        TRY(shard_reader_read_offsets(verifier->reader, verifier->first, verifier->count,
                                      &verifier->scratch, verifier->offsets));
        int64_t sources = left - 1 < verifier->count ? left - 1 : verifier->count;
        TRY(shard_reader_read_sources(verifier->reader, verifier->first, sources,
                                      &verifier->scratch, verifier->sources));
    }
    *offset = verifier->offsets[verifier->document - verifier->first];
    return STATUS_OK;
}

static enum status begin_document(struct shard_verifier *verifier, int64_t place)
{
    uint64_t offset;
    TRY(next_offset(verifier, &offset));
    if (verifier->document == verifier->shard->documents)
        return bad_input("a document beyond the last begins at token %lld", (long long)place);
    if (offset != (uint64_t)place)
        return bad_input("document %lld begins at token %lld, not at %llu as its offset says",
                         (long long)verifier->document, (long long)place,
                         (unsigned long long)offset);
    uint64_t source = verifier->sources[verifier->document - verifier->first];
    if (source >= (uint64_t)verifier->manifest->input_count)
        return bad_input("document %lld comes from input %llu of %lld",
                         (long long)verifier->document, (unsigned long long)source,
                         (long long)verifier->manifest->input_count);
    verifier->document++;
    return STATUS_OK;
}

static enum status verify_first_token(struct shard_verifier *verifier, int64_t chunk)
{
    int32_t first;
    TRY(shard_reader_first_token(verifier->reader, chunk, &verifier->scratch, &first));
    if (first >= 0 && first != verifier->tokens[0])
        return bad_input("chunk %lld begins with token %d, not with %d as '%s' says",
                         (long long)chunk, verifier->tokens[0], first, SHARD_FIRST_TOKENS);
    return STATUS_OK;
}

static enum status verify_tokens(struct shard_verifier *verifier)
{
    const int32_t end_of_text = tokenizer_end_of_text(verifier->tokenizer);
    const int64_t vocab_size = tokenizer_vocab_size(verifier->tokenizer);
    const int64_t chunk_tokens = shard_reader_chunk_tokens(verifier->reader);
    for (int64_t chunk = 0; chunk < shard_reader_chunk_count(verifier->reader); chunk++) {
        int64_t count;
        TRY(shard_reader_read_chunk(verifier->reader, chunk, &verifier->scratch, verifier->tokens,
                                    &count));
        TRY(verify_first_token(verifier, chunk));
        for (int64_t i = 0; i < count; i++) {
            const int64_t place = chunk * chunk_tokens + i;
            const int32_t token = verifier->tokens[i];
            if (token == end_of_text)
                TRY(begin_document(verifier, place));
            else if (verifier->document == 0)
                return bad_input("its first token does not begin a document");
            else if (token < 0 || token >= vocab_size)
                return bad_input("token %lld is %d, which the tokenizer lacks", (long long)place,
                                 token);
            else
                verifier->text_bytes += (int64_t)tokenizer_decoded_bytes(
                    verifier->tokenizer, token, verifier->before == end_of_text);
            verifier->before = token;
        }
    }
    return STATUS_OK;
}

static enum status verify_content(struct shard_verifier *verifier)
{
    const struct manifest_shard *shard = verifier->shard;
    uint64_t end;
    TRY(verify_tokens(verifier));
    if (verifier->document != shard->documents)
        return bad_input("it has %lld documents where %lld belong", (long long)verifier->document,
                         (long long)shard->documents);
    TRY(next_offset(verifier, &end));
    if (end != (uint64_t)shard->tokens)
        return bad_input("its last offset is %llu where %lld belongs", (unsigned long long)end,
                         (long long)shard->tokens);
    if (verifier->text_bytes != shard->text_bytes)
        return bad_input("its text has %lld bytes where %lld belong",
                         (long long)verifier->text_bytes, (long long)shard->text_bytes);
    return shard_reader_verify_labels(verifier->reader, &verifier->scratch);
}

static enum status verify_digest(const char *path, const struct manifest_shard *shard)
{
    char sha256[SHA256_HEX];
    int64_t file_bytes;
    TRY(file_digest(path, sha256, &file_bytes));
    if (file_bytes != shard->file_bytes)
        return bad_input("shard '%s' has %lld bytes where %lld belong", path, (long long)file_bytes,
                         (long long)shard->file_bytes);
    if (strcmp(sha256, shard->sha256) != 0)
        return bad_input("shard '%s' does not have the sha256 that %s lists", path,
                         CORPUS_MANIFEST_NAME);
    return STATUS_OK;
}

enum status shard_verify(const char *folder, const struct corpus_manifest *manifest,
                         const struct tokenizer *tokenizer, int64_t shard)
{
    struct shard_verifier *verifier = memory_alloc_zeroed(1, sizeof *verifier);
    verifier->manifest = manifest;
    verifier->shard = &manifest->shards[shard];
    verifier->tokenizer = tokenizer;
    const struct shard_claim claim = corpus_manifest_claim(manifest, shard);
    char *path = path_join(folder, verifier->shard->file);

    enum status status;
    TRY_CLEANUP(shard_reader_open(path, &claim, &verifier->reader));
    TRY_CLEANUP(verify_digest(path, verifier->shard));
    verifier->tokens = memory_alloc_zeroed((size_t)shard_reader_chunk_tokens(verifier->reader),
                                           sizeof *verifier->tokens);
    status = verify_content(verifier);

cleanup:
    shard_reader_close(verifier->reader);
    chunk_scratch_release(&verifier->scratch);
    memory_free(verifier->tokens);
    memory_free(verifier);
    memory_free(path);
    return status;
}
