/* chunk_codec: one chunk of a column, from its bytes in the file to its elements.
 *
 * Undoes the three filters without HDF5, so that sizes are bounded by the caller
 * (HDF5's own pipeline inflates whatever a hostile chunk holds) and so that the
 * work needs no lock:
 *
 *   elements -> shuffle -> deflate -> fletcher32 -> stored bytes, checksum last
 */
#ifndef SHARDS_CHUNK_CODEC_H
#define SHARDS_CHUNK_CODEC_H

#include <stddef.h>
#include <stdint.h>

/* The filters' places in the pipeline: bit i of a chunk's mask says that filter i was left out. */
enum { CHUNK_SHUFFLE, CHUNK_DEFLATE, CHUNK_FLETCHER32, CHUNK_FILTERS };

struct chunk_scratch {
    unsigned char *stored;   /* the chunk as it is in the file; filled by the caller */
    unsigned char *planes;   /* inflated, still shuffled */
    unsigned char *elements; /* the result, little-endian */
    size_t chunk_bytes;      /* of `elements`, for which there is room */
};

/* No chunk of `chunk_bytes` is stored in more: deflate's growth on noise, and the checksum. */
size_t chunk_stored_limit(size_t chunk_bytes);

/* Makes room for a chunk. Starts from a zeroed struct. */
void chunk_scratch_reserve(struct chunk_scratch *scratch, size_t chunk_bytes);
void chunk_scratch_release(struct chunk_scratch *scratch);

/* Decodes `stored_bytes` (within the limit) of scratch->stored to exactly `chunk_bytes` of
 * scratch->elements. Returns NULL, or what is wrong with the chunk ("fails its checksum"). */
const char *chunk_decode(struct chunk_scratch *scratch, size_t stored_bytes, size_t chunk_bytes,
                         size_t element_bytes, uint32_t filters_left_out);

#endif
