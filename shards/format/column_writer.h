/* column_writer: a one-dimensional array of unsigned integers in an HDF5 file, appended to.
 *
 * Stored in chunks of SHARD_CHUNK_BYTES behind shuffle, deflate and fletcher32, so that
 * every byte of it is under a checksum. Chunks are encoded here, or come encoded by others;
 * HDF5 only writes them. Functions return false with hdf5_reason set; they take hdf5_lock
 * themselves where they call HDF5.
 */
#ifndef SHARDS_COLUMN_WRITER_H
#define SHARDS_COLUMN_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shards/format/chunk_encoder.h"
#include "shards/format/hdf5_guard.h"

struct column_writer {
    hid_t dataset; /* or -1: not open */
    size_t element_bytes;
    unsigned char *chunk; /* little-endian, as in the file */
    size_t chunk_elements;
    size_t pending; /* elements in `chunk` */
    int64_t count;  /* elements in all */
    struct chunk_encoder *encoder;
};

/* `encoder` is the caller's, and lives as long. */
bool column_writer_open(struct column_writer *column, hid_t parent, const char *name,
                        size_t element_bytes, struct chunk_encoder *encoder);
bool column_writer_add(struct column_writer *column, uint64_t value);
/* A chunk that chunk_encode made, of `elements` elements: all full but the column's last. */
bool column_writer_add_encoded(struct column_writer *column, const void *stored,
                               size_t stored_bytes, size_t elements);
bool column_writer_finish(struct column_writer *column); /* writes what is pending */
void column_writer_release(struct column_writer *column);

#endif
