#include "shards/format/column_writer.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "shards/format/shard_format.h"

static bool set_storage(hid_t properties, hsize_t chunk_elements)
{
    /* No times: the same input must give the same bytes. The level of deflate is a mark in the
     * file alone, since HDF5 deflates nothing here. */
    return H5Pset_obj_track_times(properties, false) >= 0 &&
           H5Pset_chunk(properties, 1, &chunk_elements) >= 0 && H5Pset_shuffle(properties) >= 0 &&
           H5Pset_deflate(properties, 1) >= 0 && H5Pset_fletcher32(properties) >= 0;
}

static bool create_dataset(struct column_writer *column, hid_t parent, const char *name)
{
    const hsize_t none = 0, unlimited = H5S_UNLIMITED;
    hid_t space = H5Screate_simple(1, &none, &unlimited);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (set_storage(properties, column->chunk_elements))
        column->dataset = H5Dcreate2(parent, name, hdf5_unsigned_type(column->element_bytes), space,
                                     H5P_DEFAULT, properties, H5P_DEFAULT);
    bool ok = hdf5_note(column->dataset >= 0);
    H5Pclose(properties);
    H5Sclose(space);
    return ok;
}

bool column_writer_open(struct column_writer *column, hid_t parent, const char *name,
                        size_t element_bytes, struct chunk_encoder *encoder)
{
    *column = (struct column_writer){
        .dataset = -1,
        .element_bytes = element_bytes,
        .chunk = memory_alloc(SHARD_CHUNK_BYTES),
        .chunk_elements = SHARD_CHUNK_BYTES / element_bytes,
        .encoder = encoder,
    };
    hdf5_lock();
    bool ok = create_dataset(column, parent, name);
    hdf5_unlock();
    return ok;
}

bool column_writer_add_encoded(struct column_writer *column, const void *stored,
                               size_t stored_bytes, size_t elements)
{
    const hsize_t start = (hsize_t)column->count, extent = start + elements;
    CHECK(column->pending == 0 && start % column->chunk_elements == 0 && elements > 0 &&
              elements <= column->chunk_elements,
          "a chunk of %zu elements after %lld", elements, (long long)column->count);
    column->count += (int64_t)elements;
    hdf5_lock();
    bool ok = hdf5_note(
        H5Dset_extent(column->dataset, &extent) >= 0 &&
        H5Dwrite_chunk(column->dataset, H5P_DEFAULT, 0, &start, stored_bytes, stored) >= 0);
    hdf5_unlock();
    return ok;
}

/* Writes the pending elements as a chunk; the column's last is filled up with zeros. */
static bool flush_chunk(struct column_writer *column)
{
    size_t elements = column->pending, used = elements * column->element_bytes, stored_bytes;
    memset(column->chunk + used, 0, SHARD_CHUNK_BYTES - used);
    const unsigned char *stored =
        chunk_encode(column->encoder, column->chunk, column->element_bytes, &stored_bytes);
    column->pending = 0;
    column->count -= (int64_t)elements; /* the addition counts them */
    return column_writer_add_encoded(column, stored, stored_bytes, elements);
}

bool column_writer_add(struct column_writer *column, uint64_t value)
{
    unsigned char *element = column->chunk + column->pending * column->element_bytes;
    for (size_t i = 0; i < column->element_bytes; i++)
        element[i] = (unsigned char)(value >> (8 * i));
    column->pending++;
    column->count++;
    return column->pending < column->chunk_elements || flush_chunk(column);
}

bool column_writer_finish(struct column_writer *column)
{
    return column->pending == 0 || flush_chunk(column);
}

void column_writer_release(struct column_writer *column)
{
    if (column->dataset >= 0) {
        hdf5_lock();
        H5Dclose(column->dataset);
        hdf5_unlock();
    }
    column->dataset = -1;
    memory_free(column->chunk);
    column->chunk = NULL;
}
