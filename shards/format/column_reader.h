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
#include "shards/format/chunk_codec.h"
#include "shards/format/hdf5_file.h"

#define COLUMN_COUNT_ANY (-1)

struct column_reader {
    struct hdf5_file *file; /* that it lies in; outlives the column */
    const char *name;       /* of the link; a literal */
    hid_t dataset;          /* or -1: not open */
    size_t element_bytes;
    int64_t count, chunk_elements; /* chunk_elements > 0 */
    void *recent;                  /* elements of chunk `recent_chunk`; NULL until it is needed */
    int64_t recent_chunk;          /* -1: none */
};

/* `count` elements belong there, or COLUMN_COUNT_ANY. Under hdf5_lock. */
enum status column_reader_open(struct column_reader *column, struct hdf5_file *file, hid_t parent,
                               const char *name, size_t element_bytes, int64_t count);
void column_reader_close(struct column_reader *column);

/* Fails unless `parent` holds `name` by a hard link. Under hdf5_lock. */
enum status column_check_link(hid_t parent, const char *name);

int64_t column_reader_chunk_count(const struct column_reader *column);
int64_t column_reader_chunk_length(const struct column_reader *column, int64_t chunk);

/* Where a chunk lies: within the file, and no longer than a chunk may be. Takes hdf5_lock. */
enum status column_reader_find(const struct column_reader *column, int64_t chunk,
                               struct chunk_place *out);
/* Reads and decodes the chunk that was found there to `elements`, in this machine's order of
 * bytes: room for chunk_elements. Without HDF5: several threads may, each with its scratch. */
enum status column_reader_load(const struct column_reader *column, int64_t chunk,
                               const struct chunk_place *place, struct chunk_scratch *scratch,
                               void *elements);

/* Both of it: the chunk's elements, valid until the next call. */
enum status column_reader_chunk(struct column_reader *column, int64_t chunk,
                                struct chunk_scratch *scratch, const void **elements);
/* Elements [first, first + count), within the column's, widened to 64 bits. */
enum status column_reader_range(struct column_reader *column, int64_t first, int64_t count,
                                struct chunk_scratch *scratch, uint64_t *out);

#endif
