/* chunk_codec: one chunk of a column, from its bytes in the file to its elements.
 *
 * Undoes the three filters without HDF5, so that sizes are bounded by the caller
 * (HDF5's own pipeline inflates whatever a hostile chunk holds), so that the
 * work needs no lock, and faster (libdeflate):
 *
 *   elements -> shuffle -> deflate -> fletcher32 -> stored bytes, checksum last
 */
#ifndef SHARDS_CHUNK_CODEC_H
#define SHARDS_CHUNK_CODEC_H

#include <stddef.h>
#include <stdint.h>

/* The filters' places in the pipeline: bit i of a chunk's mask says that filter i was left out. */
enum { CHUNK_SHUFFLE, CHUNK_DEFLATE, CHUNK_FLETCHER32, CHUNK_FILTERS };

/* A chunk's bytes in the file. */
struct chunk_place {
    uint64_t offset, stored_bytes;
    uint32_t filters_left_out;
};

struct libdeflate_decompressor;

/* What a thread needs for decoding. */
struct chunk_scratch {
    unsigned char *stored; /* the chunk as it is in the file; filled by the caller */
    unsigned char *planes; /* inflated, still shuffled */
    size_t chunk_bytes;    /* of the largest chunk that there is room for */
    struct libdeflate_decompressor *decompressor;
};

/* No chunk of `chunk_bytes` is stored in more: deflate's growth on noise, and the checksum. */
size_t chunk_stored_limit(size_t chunk_bytes);

/* HDF5's variant of Fletcher's checksum: over big-endian 16-bit words, an odd byte padded with
 * zero, both sums modulo 65535. J. G. Fletcher, "An arithmetic checksum for serial transmissions",
 * IEEE Trans. Comm. 30 (1982). */
uint32_t chunk_fletcher32(const unsigned char *bytes, size_t length);

/* Makes room for a chunk. Starts from a zeroed struct. */
void chunk_scratch_reserve(struct chunk_scratch *scratch, size_t chunk_bytes);
void chunk_scratch_release(struct chunk_scratch *scratch);

/* How a chunk was encoded. */
struct chunk_form {
    size_t stored_bytes;  /* within the limit */
    size_t chunk_bytes;   /* decoded */
    size_t element_bytes; /* 1, 2, 4 or 8 */
    uint32_t filters_left_out;
};

/* Decodes scratch->stored to exactly `chunk_bytes` of `elements`: numbers in this machine's order
 * of bytes, aligned as such. Returns NULL, or what is wrong with the chunk ("fails its checksum").
 */
const char *chunk_decode(struct chunk_scratch *scratch, const struct chunk_form *form,
                         void *elements);

/* Deflate alone: fills scratch->planes with exactly chunk_bytes, or says what is wrong. */
const char *chunk_inflate(struct chunk_scratch *scratch, const unsigned char *content,
                          size_t content_bytes, size_t chunk_bytes);

/* HDF5's variant of Fletcher's checksum: over 16-bit words, an odd byte padded with zero. */
uint32_t chunk_fletcher32(const unsigned char *bytes, size_t length);

#endif
