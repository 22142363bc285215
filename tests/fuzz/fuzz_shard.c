/* A shard: an input is the HDF5 file. With EON_FUZZ_MEND set, half of the mutations get HDF5's
 * checksums of metadata mended, and reach further than its first look: into faults of HDF5's own
 * too, which is why `make test` does not set it. */
#include <hdf5.h>
#include <stdlib.h>

#include "shards/format/shard_reader.h"
#include "shards/format/shard_writer.h"
#include "tests/fuzz/fuzz_target.h"

enum { TOKENS = 20000, DOCUMENTS = 200, VOCAB = 300 };

/* libFuzzer's, and what it asks of a mutator. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
/* HDF5's own, which it exports and declares in no public header. */
uint32_t H5_checksum_metadata(const void *data, size_t length, uint32_t initial);

static struct shard_claim claim = { .identity = { .vocab_size = VOCAB, .split = SPLIT_TRAIN },
                                    .tokens = TOKENS,
                                    .documents = DOCUMENTS };

void fuzz_begin(void)
{
    memset(claim.identity.tokenizer_digest, 'a', SHA256_HEX - 1);
}

static void put_checksum(uint8_t *data, size_t size, size_t begin, size_t length)
{
    if (begin > size || length > size - begin || size - begin - length < 4)
        return;
    uint32_t sum = H5_checksum_metadata(data + begin, length, 0);
    for (int i = 0; i < 4; i++)
        data[begin + length + (size_t)i] = (uint8_t)(sum >> 8 * i);
}

/* HDF5 File Format Specification 3.0, II.A (superblock 2 and 3) and IV.A.1.b (object header 2). */
static void mend_checksums(uint8_t *data, size_t size)
{
    put_checksum(data, size, 0, 44);
    for (size_t at = 0; at + 64 < size; at++) {
        if (memcmp(data + at, "OHDR", 4) != 0)
            continue;
        uint8_t flags = data[at + 5];
        size_t length = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0), content = 0;
        for (int i = 0; i < 1 << (flags & 3) && at + length < size; i++)
            content |= (size_t)data[at + length++] << 8 * i;
        if (content < size)
            put_checksum(data, size, at, length + content);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 2 && getenv("EON_FUZZ_MEND"))
        mend_checksums(data, size);
    return size;
}

static void read_columns(struct shard_reader *reader, struct chunk_scratch *scratch)
{
    int64_t capacity = shard_reader_chunk_tokens(reader), count;
    int32_t *tokens = memory_alloc((size_t)capacity * sizeof *tokens);
    uint64_t *values = memory_alloc_zeroed(DOCUMENTS + 1, sizeof *values);
    uint64_t *begins = memory_alloc(document_bits_bytes(TOKENS));
    for (int64_t chunk = 0; chunk < shard_reader_chunk_count(reader); chunk++) {
        if (shard_reader_read_chunk(reader, chunk, scratch, tokens, &count) != STATUS_OK)
            continue;
        CHECK(count > 0 && count <= capacity, "%lld tokens in a chunk", (long long)count);
        for (int64_t i = 0; i < count; i++)
            CHECK(tokens[i] >= 0 && tokens[i] < VOCAB, "token %d", tokens[i]);
    }
    (void)shard_reader_read_offsets(reader, 0, DOCUMENTS + 1, scratch, values);
    (void)shard_reader_read_sources(reader, 0, DOCUMENTS, scratch, values);
    (void)shard_reader_mark_documents(reader, 0, TOKENS, scratch, begins);
    memory_free(tokens);
    memory_free(values);
    memory_free(begins);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct shard_reader *reader;
    struct chunk_scratch scratch = { 0 };
    if (size == 0)
        return;
    claim.file_bytes = (int64_t)size;
    if (shard_reader_open(fuzz_file("train-00000.h5", data, size), &claim, &reader) != STATUS_OK)
        return;
    read_columns(reader, &scratch);
    chunk_scratch_release(&scratch);
    shard_reader_close(reader);
}
