#include "shards/format/column_reader.h"

#include "base/file.h"
#include "base/memory.h"
#include "shards/format/shard_format.h"

enum status column_check_link(hid_t parent, const char *name)
{
    H5L_info_t link;
    if (H5Lexists(parent, name, H5P_DEFAULT) <= 0)
        return bad_input("it has no '%s'", name);
    if (!hdf5_note(H5Lget_info(parent, name, &link, H5P_DEFAULT) >= 0))
        return bad_input("link '%s' is unreadable: %s", name, hdf5_reason());
    if (link.type != H5L_TYPE_HARD)
        return bad_input("'%s' is a soft or external link", name);
    return STATUS_OK;
}

static enum status check_filters(const struct column_reader *column, hid_t properties)
{
    static const H5Z_filter_t expected[CHUNK_FILTERS] = {
        [CHUNK_SHUFFLE] = H5Z_FILTER_SHUFFLE,
        [CHUNK_DEFLATE] = H5Z_FILTER_DEFLATE,
        [CHUNK_FLETCHER32] = H5Z_FILTER_FLETCHER32,
    };
    int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters && i < CHUNK_FILTERS; i++) {
        unsigned flags;
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
        if (filter != expected[i])
            return bad_input("'%s' is stored with filter %d where %d belongs", column->name,
                             (int)filter, (int)expected[i]);
    }
    if (filters != CHUNK_FILTERS)
        return bad_input("'%s' has %d filters, not shuffle, deflate and fletcher32", column->name,
                         filters);
    return STATUS_OK;
}

/* Where and how the bytes are stored. Comes before the extent is asked for: that alone makes
 * HDF5 open the files of a virtual dataset. */
static enum status check_storage(struct column_reader *column, hid_t properties)
{
    hsize_t chunk_elements = 0;
    if (H5Pget_external_count(properties) != 0)
        return bad_input("'%s' is stored outside of the file", column->name);
    if (H5Pget_layout(properties) != H5D_CHUNKED)
        return bad_input("'%s' is not stored in chunks", column->name);
    if (H5Pget_chunk(properties, 1, &chunk_elements) != 1)
        return bad_input("'%s' has chunks of more than one dimension", column->name);
    if (chunk_elements < 1 || chunk_elements > SHARD_CHUNK_MAX_BYTES / column->element_bytes)
        return bad_input("'%s' has chunks of %llu elements, beyond %zu bytes", column->name,
                         (unsigned long long)chunk_elements, SHARD_CHUNK_MAX_BYTES);
    column->chunk_elements = (int64_t)chunk_elements;
    return check_filters(column, properties);
}

static enum status check_type(const struct column_reader *column)
{
    hid_t type = H5Dget_type(column->dataset);
    bool same = type >= 0 && H5Tequal(type, hdf5_unsigned_type(column->element_bytes)) > 0;
    H5Tclose(type);
    if (!same)
        return bad_input("'%s' is not of type uint%zu, little-endian", column->name,
                         8 * column->element_bytes);
    return STATUS_OK;
}

static enum status check_extent(struct column_reader *column)
{
    hsize_t extent = 0;
    hid_t space = H5Dget_space(column->dataset);
    bool simple = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE &&
                  H5Sget_simple_extent_ndims(space) == 1 &&
                  H5Sget_simple_extent_dims(space, &extent, NULL) == 1;
    H5Sclose(space);
    if (!simple)
        return bad_input("'%s' is not of one dimension", column->name);
    if (column->count == COLUMN_COUNT_ANY)
        column->count = (int64_t)(extent < INT64_MAX ? extent : INT64_MAX);
    if (extent != (hsize_t)column->count)
        return bad_input("'%s' has %llu elements where %lld belong", column->name,
                         (unsigned long long)extent, (long long)column->count);
    if (column->count / SHARD_DEFLATE_MAX_RATIO * (int64_t)column->element_bytes >
        column->file->file_bytes)
        return bad_input("'%s' has %lld elements, more than a file of %lld bytes can hold",
                         column->name, (long long)column->count,
                         (long long)column->file->file_bytes);
    return STATUS_OK;
}

enum status column_reader_open(struct column_reader *column, struct hdf5_file *file, hid_t parent,
                               const char *name, size_t element_bytes, int64_t count)
{
    *column = (struct column_reader){
        .file = file,
        .name = name,
        .dataset = -1,
        .element_bytes = element_bytes,
        .count = count,
        .recent_chunk = -1,
    };
    TRY(column_check_link(parent, name));
    column->dataset = H5Dopen2(parent, name, H5P_DEFAULT);
    if (!hdf5_note(column->dataset >= 0))
        return bad_input("'%s' does not open as a dataset: %s", name, hdf5_reason());

    hid_t properties = H5Dget_create_plist(column->dataset);
    if (!hdf5_note(properties >= 0))
        return bad_input("'%s' is unreadable: %s", name, hdf5_reason());
    enum status status = check_storage(column, properties);
    H5Pclose(properties);
    TRY(status);
    TRY(check_type(column));
    return check_extent(column);
}

void column_reader_close(struct column_reader *column)
{
    if (column->dataset >= 0)
        H5Dclose(column->dataset);
    column->dataset = -1;
    memory_free(column->recent);
    column->recent = NULL;
}

int64_t column_reader_chunk_count(const struct column_reader *column)
{
    return (column->count + column->chunk_elements - 1) / column->chunk_elements;
}

int64_t column_reader_chunk_length(const struct column_reader *column, int64_t chunk)
{
    int64_t left = column->count - chunk * column->chunk_elements;
    return left < column->chunk_elements ? left : column->chunk_elements;
}

static size_t chunk_bytes_of(const struct column_reader *column)
{
    return (size_t)column->chunk_elements * column->element_bytes;
}

enum status column_reader_find(const struct column_reader *column, int64_t chunk,
                               struct chunk_place *out)
{
    CHECK(chunk >= 0 && chunk < column_reader_chunk_count(column), "no chunk %lld in '%s'",
          (long long)chunk, column->name);
    const size_t limit = chunk_stored_limit(chunk_bytes_of(column));
    hdf5_lock();
    bool found = hdf5_file_locate(column->file, column->dataset,
                                  (hsize_t)(chunk * column->chunk_elements), out);
    hdf5_unlock();
    if (!found)
        return bad_input("chunk %lld of '%s' is not found: %s", (long long)chunk, column->name,
                         hdf5_reason());
    if (out->stored_bytes == 0)
        return bad_input("chunk %lld of '%s' is missing", (long long)chunk, column->name);
    if (out->stored_bytes > limit)
        return bad_input("chunk %lld of '%s' takes %llu bytes, more than %zu", (long long)chunk,
                         column->name, (unsigned long long)out->stored_bytes, limit);

    const uint64_t file_bytes = (uint64_t)column->file->file_bytes;
    if (out->offset > file_bytes || out->stored_bytes > file_bytes - out->offset)
        return bad_input("chunk %lld of '%s' lies beyond the end of the file", (long long)chunk,
                         column->name);
    return STATUS_OK;
}

enum status column_reader_load(const struct column_reader *column, int64_t chunk,
                               const struct chunk_place *place, struct chunk_scratch *scratch,
                               void *elements)
{
    const struct chunk_form form = {
        .stored_bytes = (size_t)place->stored_bytes,
        .chunk_bytes = chunk_bytes_of(column),
        .element_bytes = column->element_bytes,
        .filters_left_out = place->filters_left_out,
    };
    chunk_scratch_reserve(scratch, form.chunk_bytes);
    TRY(file_read_at(column->file->descriptor, scratch->stored, form.stored_bytes,
                     (int64_t)place->offset, column->file->path));
    const char *wrong = chunk_decode(scratch, &form, elements);
    if (wrong != NULL)
        return bad_input("chunk %lld of '%s' %s", (long long)chunk, column->name, wrong);
    return STATUS_OK;
}

enum status column_reader_chunk(struct column_reader *column, int64_t chunk,
                                struct chunk_scratch *scratch, const void **elements)
{
    struct chunk_place place;
    *elements = column->recent;
    if (column->recent_chunk == chunk)
        return STATUS_OK;
    TRY(column_reader_find(column, chunk, &place));
    if (column->recent == NULL)
        column->recent = memory_alloc(chunk_bytes_of(column));
    column->recent_chunk = -1;
    TRY(column_reader_load(column, chunk, &place, scratch, column->recent));
    column->recent_chunk = chunk;
    *elements = column->recent;
    return STATUS_OK;
}

static uint64_t element(const void *elements, size_t element_bytes, int64_t i)
{
    switch (element_bytes) {
    case 1:
        return ((const uint8_t *)elements)[i];
    case 2:
        return ((const uint16_t *)elements)[i];
    case 4:
        return ((const uint32_t *)elements)[i];
    default:
        return ((const uint64_t *)elements)[i];
    }
}

enum status column_reader_range(struct column_reader *column, int64_t first, int64_t count,
                                struct chunk_scratch *scratch, uint64_t *out)
{
    CHECK(first >= 0 && count >= 0 && first <= column->count - count,
          "[%lld, +%lld) is beyond '%s'", (long long)first, (long long)count, column->name);
    while (count > 0) {
        const int64_t chunk = first / column->chunk_elements;
        const int64_t within = first % column->chunk_elements;
        const void *elements;
        TRY(column_reader_chunk(column, chunk, scratch, &elements));
        int64_t left = column_reader_chunk_length(column, chunk) - within;
        int64_t taken = left < count ? left : count;
        for (int64_t i = 0; i < taken; i++)
            out[i] = element(elements, column->element_bytes, within + i);
        out += taken;
        first += taken;
        count -= taken;
    }
    return STATUS_OK;
}
