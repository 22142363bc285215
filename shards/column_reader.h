/* column_reader: a one-dimensional array of unsigned integers in an HDF5 file from outside.
 *
 * Before anything is read or allocated, the dataset must be what column_writer
 * makes: reached by a hard link, inside the file, of the expected type and
 * extent, in chunks of bounded size behind shuffle, deflate and fletcher32.
 * HDF5 then only says where a chunk lies; bytes are read and decoded here.
 * Messages lack the file's name: shard_reader puts it before them.
 */
#ifndef SHARDS_COLUMN_READER_H
#define SHARDS_COLUMN_READER_H

#include <stdint.h>

#include "base/status.h"
#include "shards/chunk_codec.h"
#include "shards/hdf5_guard.h"

/* The file that a column lies in; outlives the column. */
struct column_file {
    const char *path;
    int descriptor;
    int64_t file_bytes;
};

struct column_reader {
    const struct column_file *file;
    const char *name; /* of the link; a literal */
    hid_t dataset;    /* or -1: not open */
    size_t element_bytes;
    int64_t count, chunk_elements; /* both > 0 */
};

/* Under hdf5_lock. */
enum status column_reader_open(struct column_reader *column, const struct column_file *file,
                               hid_t parent, const char *name, size_t element_bytes, int64_t count);
void column_reader_close(struct column_reader *column);

/* Fails unless `parent` holds `name` by a hard link. Under hdf5_lock. */
enum status column_check_link(hid_t parent, const char *name);

int64_t column_reader_chunk_count(const struct column_reader *column);

/* The elements of one chunk, *count of them, in scratch->elements. Takes hdf5_lock itself. */
enum status column_reader_chunk(const struct column_reader *column, int64_t chunk,
                                struct chunk_scratch *scratch, int64_t *count);

/* Elements [first, first + count), within the column's, widened to 64 bits. */
enum status column_reader_range(const struct column_reader *column, int64_t first, int64_t count,
                                struct chunk_scratch *scratch, uint64_t *out);

/* Element i of decoded little-endian elements. */
static inline uint64_t column_element(const unsigned char *elements, size_t element_bytes,
                                      int64_t i)
{
    const unsigned char *at = elements + (size_t)i * element_bytes;
    uint64_t value = 0;
    for (size_t k = 0; k < element_bytes; k++)
        value |= (uint64_t)at[k] << (8 * k);
    return value;
}

#endif
