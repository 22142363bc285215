/* chunk_encoder: one chunk of a column, from its elements to its bytes in the file.
 *
 * The way back is chunk_codec's. Done without HDF5, so that many threads compress
 * at once and HDF5, which takes one call at a time, only writes.
 */
#ifndef SHARDS_CHUNK_ENCODER_H
#define SHARDS_CHUNK_ENCODER_H

#include <stddef.h>
#include <stdint.h>

struct chunk_encoder; /* scratch, for one thread */

struct chunk_encoder *chunk_encoder_create(void);
void chunk_encoder_free(struct chunk_encoder *encoder); /* NULL is allowed */

/* Shuffles, deflates and checksums SHARD_CHUNK_BYTES bytes of `elements`, little-endian as in the
 * file. The result is valid until the next call. The same bytes for the same library. */
const unsigned char *chunk_encode(struct chunk_encoder *encoder, const unsigned char *elements,
                                  size_t element_bytes, size_t *stored_bytes);

#endif
