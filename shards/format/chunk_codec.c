#include "shards/format/chunk_codec.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

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
    scratch->chunk_bytes = chunk_bytes;
    scratch->decompressor = libdeflate_alloc_decompressor();
    CHECK(scratch->decompressor, "no memory to inflate with");
}

void chunk_scratch_release(struct chunk_scratch *scratch)
{
    memory_free(scratch->stored);
    memory_free(scratch->planes);
    libdeflate_free_decompressor(scratch->decompressor);
    *scratch = (struct chunk_scratch){ 0 };
}

static uint32_t folded(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

/* The same word with its bytes swapped. */
static uint32_t swapped(uint32_t word)
{
    return (word & 0xff) << 8 | word >> 8;
}

enum {
    LANES = 16,
    ROWS_BETWEEN = 360 /* the most that cannot overflow 32 bits: 65535 * 360 * 361 / 2 < 2^32 */
};

/* Sums of words w[0], w[1], ...: of all, and of all sums up to each, modulo 65535. */
struct sums {
    uint64_t words, sums;
};

/* `rows` rows of LANES words each. With a = a lane's words and b = its sums of sums, row by row:
 *
 *   words = sum of a             sums = LANES * (sum of b) - sum of lane * a */
static void add_rows(struct sums *sums, const unsigned char *bytes, size_t rows)
{
    uint32_t a[LANES] = { 0 }, b[LANES] = { 0 };
    for (size_t row = 0; row < rows; row++, bytes += 2 * LANES)
        for (int lane = 0; lane < LANES; lane++) {
            a[lane] += (uint32_t)bytes[2 * lane] | (uint32_t)bytes[2 * lane + 1] << 8;
            b[lane] += a[lane];
        }
    uint64_t words = 0, of_sums = 0;
    for (uint64_t lane = 0; lane < LANES; lane++) {
        words += a[lane];
        of_sums += LANES * (uint64_t)b[lane] - lane * a[lane];
    }
    sums->sums = folded(sums->sums + of_sums + sums->words * (rows * LANES));
    sums->words = folded(sums->words + words);
}

/* J. G. Fletcher, "An arithmetic checksum for serial transmissions", IEEE Trans. Comm. 30 (1982).
 * HDF5 adds big-endian words; modulo 65535, swapping the bytes of all words swaps those of their
 * sums (RFC 1071, section 2), so that they are added as they lie and swapped at the end. */
uint32_t chunk_fletcher32(const unsigned char *bytes, size_t length)
{
    struct sums sums = { 0, 0 };
    const size_t row_bytes = 2 * LANES;
    while (length >= row_bytes) {
        size_t rows = length / row_bytes < ROWS_BETWEEN ? length / row_bytes : ROWS_BETWEEN;
        add_rows(&sums, bytes, rows);
        bytes += rows * row_bytes;
        length -= rows * row_bytes;
    }
    for (; length > 0; length -= length < 2 ? 1 : 2, bytes += 2) {
        sums.words += bytes[0] | (length > 1 ? (uint32_t)bytes[1] << 8 : 0);
        sums.sums += sums.words;
    }
    return swapped(folded(sums.sums)) << 16 | swapped(folded(sums.words));
}

static bool checksum_holds(const unsigned char *stored, size_t content_bytes)
{
    const unsigned char *at = stored + content_bytes;
    uint32_t expected =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return chunk_fletcher32(stored, content_bytes) == expected;
}

/* Byte k of element i is bytes[k * plane + i * step]: planes after HDF5's shuffle, elements one
 * after the other without it. */
#define JOIN_BYTES(type, name)                                                                     \
    static void name(type *restrict out, const unsigned char *restrict bytes, size_t count,        \
                     size_t plane, size_t step)                                                    \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            type value = 0;                                                                        \
            for (size_t k = 0; k < sizeof(type); k++)                                              \
                value |= (type)((type)bytes[k * plane + i * step] << (8 * k));                     \
            out[i] = value;                                                                        \
        }                                                                                          \
    }
JOIN_BYTES(uint16_t, join_16)
JOIN_BYTES(uint32_t, join_32)
JOIN_BYTES(uint64_t, join_64)

static void join_bytes(void *elements, const unsigned char *bytes, const struct chunk_form *form)
{
    const bool shuffled = (form->filters_left_out & 1u << CHUNK_SHUFFLE) == 0;
    const size_t count = form->chunk_bytes / form->element_bytes;
    if (form->element_bytes == 1)
        memcpy(elements, bytes, count);
    else if (form->element_bytes == 2 && shuffled)
        join_16(elements, bytes, count, count, 1);
    else if (form->element_bytes == 2)
        join_16(elements, bytes, count, 1, 2);
    else if (form->element_bytes == 4)
        join_32(elements, bytes, count, shuffled ? count : 1, shuffled ? 1 : 4);
    else
        join_64(elements, bytes, count, shuffled ? count : 1, shuffled ? 1 : 8);
}

const char *chunk_inflate(struct chunk_scratch *scratch, const unsigned char *content,
                          size_t content_bytes, size_t chunk_bytes)
{
    size_t inflated = 0, consumed = 0;
    enum libdeflate_result result =
        libdeflate_zlib_decompress_ex(scratch->decompressor, content, content_bytes,
                                      scratch->planes, chunk_bytes, &consumed, &inflated);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return "inflates to more than its size";
    if (result != LIBDEFLATE_SUCCESS)
        return "is not valid deflate data";
    if (inflated != chunk_bytes || consumed != content_bytes)
        return "does not inflate to its size";
    return NULL;
}

const char *chunk_decode(struct chunk_scratch *scratch, const struct chunk_form *form,
                         void *elements)
{
    const unsigned char *bytes = scratch->stored;
    if (form->filters_left_out & 1u << CHUNK_FLETCHER32)
        return "has no checksum";
    if (form->stored_bytes < CHECKSUM_BYTES)
        return "is too short for its checksum";
    size_t content_bytes = form->stored_bytes - CHECKSUM_BYTES;
    if (!checksum_holds(scratch->stored, content_bytes))
        return "fails its checksum";

    if (form->filters_left_out & 1u << CHUNK_DEFLATE) {
        if (content_bytes != form->chunk_bytes)
            return "does not have its size";
    } else {
        const char *wrong =
            chunk_inflate(scratch, scratch->stored, content_bytes, form->chunk_bytes);
        if (wrong != NULL)
            return wrong;
        bytes = scratch->planes;
    }
    join_bytes(elements, bytes, form);
    return NULL;
}
