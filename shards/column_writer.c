#include "shards/column_writer.h"

#include "base/memory.h"
#include "shards/shard_format.h"

enum { DEFLATE_LEVEL = 6 };

static bool set_storage(hid_t properties, hsize_t chunk_elements)
{
    /* No times: the same input must give the same bytes. */
    return H5Pset_obj_track_times(properties, false) >= 0 &&
           H5Pset_chunk(properties, 1, &chunk_elements) >= 0 && H5Pset_shuffle(properties) >= 0 &&
           H5Pset_deflate(properties, DEFLATE_LEVEL) >= 0 && H5Pset_fletcher32(properties) >= 0;
}

bool column_writer_open(struct column_writer *column, hid_t parent, const char *name,
                        size_t element_bytes)
{
    *column = (struct column_writer){
        .dataset = -1,
        .element_bytes = element_bytes,
        .chunk = memory_alloc(SHARD_CHUNK_BYTES),
        .chunk_elements = SHARD_CHUNK_BYTES / element_bytes,
    };
    const hsize_t none = 0, unlimited = H5S_UNLIMITED;
    hid_t space = H5Screate_simple(1, &none, &unlimited);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (set_storage(properties, column->chunk_elements))
        column->dataset = H5Dcreate2(parent, name, hdf5_unsigned_type(element_bytes), space,
                                     H5P_DEFAULT, properties, H5P_DEFAULT);
    bool ok = hdf5_note(column->dataset >= 0);
    H5Pclose(properties);
    H5Sclose(space);
    return ok;
}

/* Writes the pending elements as the dataset's last chunk. */
static bool flush_chunk(struct column_writer *column)
{
    const hsize_t extent = (hsize_t)column->count;
    const hsize_t length = column->pending;
    const hsize_t start = extent - length;
    column->pending = 0;
    if (!hdf5_note(H5Dset_extent(column->dataset, &extent) >= 0))
        return false;

    hid_t type = hdf5_unsigned_type(column->element_bytes);
    hid_t memory = H5Screate_simple(1, &length, NULL);
    hid_t file = H5Dget_space(column->dataset);
    bool ok =
        hdf5_note(H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, NULL, &length, NULL) >= 0 &&
                  H5Dwrite(column->dataset, type, memory, file, H5P_DEFAULT, column->chunk) >= 0);
    H5Sclose(file);
    H5Sclose(memory);
    return ok;
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
    if (column->dataset >= 0)
        H5Dclose(column->dataset);
    column->dataset = -1;
    memory_free(column->chunk);
    column->chunk = NULL;
}
