#include "checkpoints/file_image.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/memory.h"
#include "checkpoints/span_list.h"

/* Small enough that copying finds in the first cache what was just checksummed. */
#define COPY_BYTES ((size_t)16 << 10)

static int64_t blocks_of(int64_t bytes)
{
    return (bytes + (int64_t)WRITE_BLOCK - 1) / (int64_t)WRITE_BLOCK;
}

void file_image_init(struct file_image *image, int64_t bytes, const struct world *sharers)
{
    const int64_t blocks = blocks_of(bytes);
    const int64_t rank = sharers ? sharers->rank : 0, size = sharers ? sharers->size : 1;
    const int64_t first = blocks * rank / size, last = blocks * (rank + 1) / size;
    *image = (struct file_image){
        .begin = first * (int64_t)WRITE_BLOCK,
        .end = last == blocks ? bytes : last * (int64_t)WRITE_BLOCK,
        .first_piece = memory_alloc_zeroed((size_t)(last - first) + 1, sizeof(int64_t)),
    };
}

void file_image_release(struct file_image *image)
{
    memory_free(image->pieces);
    memory_free(image->first_piece);
    *image = (struct file_image){ 0 };
}

static void append(struct file_image *image, const struct image_piece *piece)
{
    if (image->piece_count == image->piece_capacity) {
        image->piece_capacity = 2 * image->piece_capacity + 64;
        image->pieces =
            memory_realloc(image->pieces, (size_t)image->piece_capacity * sizeof *image->pieces);
    }
    image->pieces[image->piece_count++] = *piece;
}

void file_image_add(struct file_image *image, const void *bytes, int64_t length)
{
    const int64_t begin = image->at, end = image->at + length;
    int64_t at = begin > image->begin ? begin : image->begin;
    while (at < end && at < image->end) {
        const int64_t block = (at - image->begin) / (int64_t)WRITE_BLOCK;
        int64_t stop = image->begin + (block + 1) * (int64_t)WRITE_BLOCK;
        stop = stop < end ? stop : end;
        append(image, &(struct image_piece){
                          .bytes = bytes ? (const unsigned char *)bytes + (at - begin) : NULL,
                          .length = stop - at,
                          .source = image->sources,
                          .source_offset = at - begin,
                      });
        image->block_count = block + 1;
        image->first_piece[block + 1] = image->piece_count;
        at = stop;
    }
    image->at = end;
    image->sources++;
}

void file_image_add_filled(struct file_image *image, int64_t length, image_fill_function *fill,
                           void *context)
{
    image->fill = fill;
    image->fill_context = context;
    file_image_add(image, NULL, length);
}

/* Past the caches, where the processor can: what is copied is next read by the disk. Meanwhile what
 * comes next is fetched. */
static void copy(unsigned char *out, const unsigned char *bytes, size_t length)
{
    size_t at = 0;
#ifdef __SSE2__
    enum { LINE = 64, VECTOR = sizeof(__m128i) };
    const size_t to_aligned = (VECTOR - (uintptr_t)out % VECTOR) % VECTOR;
    at = to_aligned < length ? to_aligned : length;
    memcpy(out, bytes, at);
    for (; at + LINE <= length; at += LINE) {
        _mm_prefetch((const char *)bytes + at + COPY_BYTES, _MM_HINT_T1);
        for (size_t part = at; part < at + LINE; part += VECTOR)
            _mm_stream_si128((__m128i *)(void *)(out + part),
                             _mm_loadu_si128((const __m128i *)(const void *)(bytes + part)));
    }
    _mm_sfence(); /* before another thread sees it */
#endif
    memcpy(out + at, bytes + at, length - at);
}

static uint32_t copy_piece(const struct image_piece *piece, unsigned char *out)
{
    uint32_t crc32 = 0;
    for (size_t at = 0; at < (size_t)piece->length; at += COPY_BYTES) {
        const size_t left = (size_t)piece->length - at;
        const size_t part = left < COPY_BYTES ? left : COPY_BYTES;
        crc32 = span_checksum(crc32, piece->bytes + at, part);
        copy(out + at, piece->bytes + at, part);
    }
    return crc32;
}

static uint32_t fill_piece(const struct file_image *image, const struct image_piece *piece,
                           unsigned char *out)
{
    image->fill(image->fill_context, piece->source, piece->source_offset, piece->length, out);
    return span_checksum(0, out, (size_t)piece->length);
}

size_t file_image_copy(struct file_image *image, int64_t block, unsigned char *out)
{
    size_t length = 0;
    for (int64_t i = image->first_piece[block]; i < image->first_piece[block + 1]; i++) {
        struct image_piece *piece = &image->pieces[i];
        piece->crc32 =
            piece->bytes ? copy_piece(piece, out + length) : fill_piece(image, piece, out + length);
        length += (size_t)piece->length;
    }
    return length;
}

int64_t file_image_offset(const struct file_image *image, int64_t block)
{
    return image->begin + block * (int64_t)WRITE_BLOCK;
}
