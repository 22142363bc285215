#include "shards/chunk_codec.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

enum { CHECKSUM_BYTES = 4 };

size_t chunk_stored_limit(size_t chunk_bytes)
{
    /* HDF5 keeps what deflate made as long as it is below 1.001 n + 12. */
    return chunk_bytes + chunk_bytes / 256 + 64;
}

void chunk_scratch_reserve(struct chunk_scratch *scratch, size_t chunk_bytes)
{
    if (scratch->chunk_bytes >= chunk_bytes)
        return;
    chunk_scratch_release(scratch);
    scratch->stored = memory_alloc(chunk_stored_limit(chunk_bytes));
    scratch->planes = memory_alloc(chunk_bytes);
    scratch->elements = memory_alloc(chunk_bytes);
    scratch->chunk_bytes = chunk_bytes;
}

void chunk_scratch_release(struct chunk_scratch *scratch)
{
    memory_free(scratch->stored);
    memory_free(scratch->planes);
    memory_free(scratch->elements);
    *scratch = (struct chunk_scratch){ 0 };
}

/* HDF5's variant of Fletcher's checksum: over big-endian 16-bit words, an odd byte padded
 * with zero, both sums modulo 65535. J. G. Fletcher, "An arithmetic checksum for serial
 * transmissions", IEEE Trans. Comm. 30 (1982). */
static uint32_t fletcher32(const unsigned char *bytes, size_t length)
{
    /* 360 words are the most that cannot overflow 32 bits between reductions. */
    const size_t words_between = 360;
    size_t words = length / 2;
    uint32_t sum = 0, sum_of_sums = 0;

    while (words > 0) {
        size_t run = words < words_between ? words : words_between;
        words -= run;
        for (; run > 0; run--, bytes += 2) {
            sum += (uint32_t)bytes[0] << 8 | bytes[1];
            sum_of_sums += sum;
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum_of_sums = (sum_of_sums & 0xffff) + (sum_of_sums >> 16);
    }
    if (length % 2 != 0) {
        sum += (uint32_t)bytes[0] << 8;
        sum_of_sums += sum;
    }
    /* Twice: the first reduction may leave a carry. */
    for (int i = 0; i < 2; i++) {
        sum = (sum & 0xffff) + (sum >> 16);
        sum_of_sums = (sum_of_sums & 0xffff) + (sum_of_sums >> 16);
    }
    return sum_of_sums << 16 | sum;
}

static bool checksum_holds(const unsigned char *stored, size_t content_bytes)
{
    const unsigned char *at = stored + content_bytes;
    uint32_t expected =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return fletcher32(stored, content_bytes) == expected;
}

/* Byte k of all elements lies in plane k: undoes HDF5's shuffle. */
static void unshuffle(unsigned char *elements, const unsigned char *planes, size_t chunk_bytes,
                      size_t element_bytes)
{
    size_t count = chunk_bytes / element_bytes;
    for (size_t k = 0; k < element_bytes; k++)
        for (size_t i = 0; i < count; i++)
            elements[i * element_bytes + k] = planes[k * count + i];
}

/* Fills scratch->planes with exactly chunk_bytes, or says what is wrong. */
static const char *inflate_exactly(struct chunk_scratch *scratch, size_t content_bytes,
                                   size_t chunk_bytes)
{
    uLongf inflated = chunk_bytes;
    uLong consumed = content_bytes;
    int result = uncompress2(scratch->planes, &inflated, scratch->stored, &consumed);
    if (result == Z_BUF_ERROR && inflated == chunk_bytes)
        return "inflates to more than its size";
    if (result != Z_OK)
        return "is not valid deflate data";
    if (inflated != chunk_bytes || consumed != content_bytes)
        return "does not inflate to its size";
    return NULL;
}

const char *chunk_decode(struct chunk_scratch *scratch, size_t stored_bytes, size_t chunk_bytes,
                         size_t element_bytes, uint32_t filters_left_out)
{
    if (filters_left_out & 1u << CHUNK_FLETCHER32)
        return "has no checksum";
    if (stored_bytes < CHECKSUM_BYTES)
        return "is too short for its checksum";
    size_t content_bytes = stored_bytes - CHECKSUM_BYTES;
    if (!checksum_holds(scratch->stored, content_bytes))
        return "fails its checksum";

    if (filters_left_out & 1u << CHUNK_DEFLATE) {
        if (content_bytes != chunk_bytes)
            return "does not have its size";
        memcpy(scratch->planes, scratch->stored, chunk_bytes);
    } else {
        const char *wrong = inflate_exactly(scratch, content_bytes, chunk_bytes);
        if (wrong != NULL)
            return wrong;
    }

    if (filters_left_out & 1u << CHUNK_SHUFFLE)
        memcpy(scratch->elements, scratch->planes, chunk_bytes);
    else
        unshuffle(scratch->elements, scratch->planes, chunk_bytes, element_bytes);
    return NULL;
}
