#include "shards/format/chunk_encoder.h"

#include "base/memory.h"
#include "shards/format/chunk_codec.h"
#include "shards/format/huffman_deflate.h"
#include "shards/format/shard_format.h"

enum { CHECKSUM_BYTES = 4 };

struct chunk_encoder {
    unsigned char planes[SHARD_CHUNK_BYTES]; /* shuffled */
    unsigned char *stored;
};

struct chunk_encoder *chunk_encoder_create(void)
{
    struct chunk_encoder *encoder = memory_alloc(sizeof *encoder);
    const size_t most_planes = 8;
    encoder->stored =
        memory_alloc(huffman_deflate_bound(SHARD_CHUNK_BYTES, most_planes) + CHECKSUM_BYTES);
    return encoder;
}

void chunk_encoder_free(struct chunk_encoder *encoder)
{
    if (!encoder)
        return;
    memory_free(encoder->stored);
    memory_free(encoder);
}

/* HDF5's shuffle: byte k of all elements into plane k. */
static inline void shuffle_elements(unsigned char *restrict planes,
                                    const unsigned char *restrict elements, size_t element_bytes)
{
    const size_t count = SHARD_CHUNK_BYTES / element_bytes;
    for (size_t k = 0; k < element_bytes; k++)
        for (size_t i = 0; i < count; i++)
            planes[k * count + i] = elements[i * element_bytes + k];
}

/* With a size that the compiler knows, for tokens. */
static void shuffle(unsigned char *planes, const unsigned char *elements, size_t element_bytes)
{
    if (element_bytes == 2)
        shuffle_elements(planes, elements, 2);
    else
        shuffle_elements(planes, elements, element_bytes);
}

const unsigned char *chunk_encode(struct chunk_encoder *encoder, const unsigned char *elements,
                                  size_t element_bytes, size_t *stored_bytes)
{
    shuffle(encoder->planes, elements, element_bytes);
    size_t length =
        huffman_deflate(encoder->planes, SHARD_CHUNK_BYTES, element_bytes, encoder->stored);
    uint32_t sum = chunk_fletcher32(encoder->stored, length);
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        encoder->stored[length + (size_t)i] = (unsigned char)(sum >> (8 * i));
    *stored_bytes = length + CHECKSUM_BYTES;
    return encoder->stored;
}
