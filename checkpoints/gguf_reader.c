#include "checkpoints/gguf_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/gguf_cursor.h"
#include "checkpoints/span_list.h"

enum { CHECKSUM_BLOCK = 1 << 20 };

static const int element_bytes[GGUF_VALUE_TYPES] = {
    [GGUF_VALUE_U8] = 1,  [GGUF_VALUE_I8] = 1,  [GGUF_VALUE_U16] = 2, [GGUF_VALUE_I16] = 2,
    [GGUF_VALUE_U32] = 4, [GGUF_VALUE_I32] = 4, [GGUF_VALUE_F32] = 4, [GGUF_VALUE_BOOL] = 1,
    [GGUF_VALUE_U64] = 8, [GGUF_VALUE_I64] = 8, [GGUF_VALUE_F64] = 8,
};

static enum status skip_elements(struct gguf_cursor *header, const struct gguf_value *value,
                                 uint64_t count)
{
    const char *bytes;
    uint64_t length;
    if (value->type != GGUF_VALUE_TEXT) {
        if (__builtin_mul_overflow(count, (uint64_t)element_bytes[value->type], &length))
            length = UINT64_MAX;
        return gguf_cursor_take(header, length, &bytes);
    }
    for (uint64_t i = 0; i < count; i++) {
        TRY(gguf_cursor_u64(header, &length));
        TRY(gguf_cursor_take(header, length, &bytes));
    }
    return STATUS_OK;
}

static enum status take_value(struct gguf_cursor *header, struct gguf_value *value)
{
    uint32_t type;
    uint64_t count = 1;
    TRY(gguf_cursor_name(header, GGUF_MAX_KEY_BYTES, "the key", &value->key));
    TRY(gguf_cursor_u32(header, &type));
    value->is_array = type == GGUF_VALUE_ARRAY;
    if (value->is_array) {
        TRY(gguf_cursor_u32(header, &type));
        TRY(gguf_cursor_u64(header, &count));
    }
    if (type >= GGUF_VALUE_TYPES || type == GGUF_VALUE_ARRAY)
        return bad_input("cannot read '%s': '%s' is of type %" PRIu32 ", which is none",
                         header->path, value->key, type);
    value->type = (enum gguf_value_type)type;
    value->begin = header->at;
    TRY(skip_elements(header, value, count));
    value->count = (int64_t)count;
    value->end = header->at;
    return STATUS_OK;
}

static enum status refuse(const struct gguf_cursor *header, const struct gguf_tensor *tensor,
                          const char *cause)
{
    return bad_input("cannot read '%s': tensor '%s': %s", header->path, tensor->name, cause);
}

static enum status take_shape(struct gguf_cursor *header, struct gguf_tensor *tensor,
                              int64_t *elements)
{
    uint32_t dimensions;
    uint64_t size;
    TRY(gguf_cursor_u32(header, &dimensions));
    if (dimensions > GGUF_MAX_DIMENSIONS)
        return refuse(header, tensor, "it has too many dimensions");
    tensor->dimensions = (int)dimensions;
    *elements = 1;
    for (int d = 0; d < GGUF_MAX_DIMENSIONS; d++) {
        tensor->shape[d] = 1;
        if (d >= tensor->dimensions)
            continue;
        TRY(gguf_cursor_u64(header, &size));
        if (size == 0 || size > INT64_MAX)
            return refuse(header, tensor, "its shape holds something that is no size");
        tensor->shape[d] = (int64_t)size;
        if (__builtin_mul_overflow(*elements, tensor->shape[d], elements))
            return refuse(header, tensor, "the product of its shape overflows");
    }
    return STATUS_OK;
}

/* `begin` and `end` count from where the data begin, until that is known. */
static enum status take_tensor(struct gguf_cursor *header, struct gguf_tensor *tensor)
{
    uint32_t number;
    uint64_t offset;
    int64_t elements;
    TRY(gguf_cursor_name(header, GGUF_MAX_NAME_BYTES, "the tensor's name", &tensor->name));
    TRY(take_shape(header, tensor, &elements));
    TRY(gguf_cursor_u32(header, &number));
    const struct gguf_type_info *type = gguf_type_find(number);
    if (!type)
        return bad_input("cannot read '%s': tensor '%s' is of type %" PRIu32
                         ", which eon does not know",
                         header->path, tensor->name, number);
    if (tensor->shape[0] % type->block_elements != 0)
        return refuse(header, tensor, "its rows are no whole blocks of its type");
    TRY(gguf_cursor_u64(header, &offset));
    /* More blocks than the file has bytes would overflow. */
    if (elements / type->block_elements > header->size_bytes / type->block_bytes ||
        offset > (uint64_t)header->size_bytes)
        return refuse(header, tensor, "its data leave the file");
    tensor->type = type->type;
    tensor->begin = (int64_t)offset;
    tensor->end = tensor->begin + gguf_type_bytes(type->type, elements);
    return STATUS_OK;
}

/* Room for one more of `count` elements of `size` bytes each, zeroed; memory follows the file. */
static void *grow(void *array, int64_t count, int64_t *capacity, size_t size)
{
    if (count == *capacity) {
        *capacity = count ? 2 * count : 16;
        array = memory_realloc(array, (size_t)*capacity * size);
    }
    memset((char *)array + (size_t)count * size, 0, size);
    return array;
}

static enum status take_start(struct gguf_cursor *header, uint64_t *tensors, uint64_t *values)
{
    const char *magic;
    uint32_t version;
    TRY(gguf_cursor_take(header, sizeof GGUF_MAGIC - 1, &magic));
    if (memcmp(magic, GGUF_MAGIC, sizeof GGUF_MAGIC - 1) != 0)
        return bad_input("cannot read '%s': it does not begin with " GGUF_MAGIC, header->path);
    TRY(gguf_cursor_u32(header, &version));
    if (version != GGUF_VERSION)
        return bad_input("cannot read '%s': its version is %" PRIu32 ", and eon reads %d",
                         header->path, version, GGUF_VERSION);
    TRY(gguf_cursor_u64(header, tensors));
    TRY(gguf_cursor_u64(header, values));
    if (*tensors > GGUF_MAX_TENSORS || *values > GGUF_MAX_VALUES)
        return bad_input("cannot read '%s': %" PRIu64 " tensors and %" PRIu64
                         " values are more than %" PRIu64 " and %" PRIu64,
                         header->path, *tensors, *values, GGUF_MAX_TENSORS, GGUF_MAX_VALUES);
    return STATUS_OK;
}

static enum status parse(struct gguf_reader *reader, struct gguf_cursor *header)
{
    uint64_t tensors, values;
    TRY(take_start(header, &tensors, &values));
    for (uint64_t i = 0; i < values; i++) {
        reader->values = grow(reader->values, reader->value_count, &reader->value_capacity,
                              sizeof *reader->values);
        TRY(take_value(header, &reader->values[reader->value_count++]));
    }
    for (uint64_t i = 0; i < tensors; i++) {
        reader->tensors = grow(reader->tensors, reader->tensor_count, &reader->tensor_capacity,
                               sizeof *reader->tensors);
        TRY(take_tensor(header, &reader->tensors[reader->tensor_count++]));
    }
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keys or names, `stride` bytes from each other. */
static enum status refuse_twins(const char *path, const void *first, int64_t count, size_t stride)
{
    char **names = memory_alloc_zeroed((size_t)count + 1, sizeof *names);
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count; i++)
        memcpy(&names[i], (const char *)first + (size_t)i * stride, sizeof *names);
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int64_t i = 1; i < count && status == STATUS_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = bad_input("cannot read '%s': '%s' is there twice", path, names[i]);
    memory_free(names);
    return status;
}

static enum status find_alignment(struct gguf_reader *reader, const struct gguf_cursor *header)
{
    uint32_t alignment;
    reader->alignment = GGUF_ALIGNMENT;
    for (int64_t i = 0; i < reader->value_count; i++) {
        const struct gguf_value *value = &reader->values[i];
        if (strcmp(value->key, GGUF_ALIGNMENT_KEY) != 0)
            continue;
        if (value->type != GGUF_VALUE_U32 || value->is_array)
            return bad_input("cannot read '%s': " GGUF_ALIGNMENT_KEY " is no u32", reader->path);
        memcpy(&alignment, header->bytes.bytes + value->begin, sizeof alignment);
        if (alignment == 0 || alignment > GGUF_MAX_ALIGNMENT || (alignment & (alignment - 1)) != 0)
            return bad_input("cannot read '%s': an alignment of %" PRIu32
                             " is no power of two up to %" PRIu32,
                             reader->path, alignment, GGUF_MAX_ALIGNMENT);
        reader->alignment = alignment;
    }
    return STATUS_OK;
}

static int64_t aligned(const struct gguf_reader *reader, int64_t place)
{
    return place + (-place & (reader->alignment - 1));
}

static enum status place_tensors(struct gguf_reader *reader, const struct gguf_cursor *header)
{
    const int64_t data_begin = aligned(reader, header->at);
    int64_t end = reader->tensor_count > 0 ? data_begin : header->at;
    reader->data_begin = data_begin;
    for (int64_t i = 0; i < reader->tensor_count; i++) {
        struct gguf_tensor *tensor = &reader->tensors[i];
        tensor->begin += data_begin;
        tensor->end += data_begin;
        if (tensor->begin != aligned(reader, end))
            return refuse(header, tensor, "its data are not behind those of the one before");
        end = tensor->end;
        if (end > reader->size_bytes)
            return refuse(header, tensor, "its data leave the file");
    }
    /* Some writers leave out the last padding. */
    if (reader->size_bytes != end && reader->size_bytes != aligned(reader, end))
        return bad_input("cannot read '%s': %" PRId64 " bytes at its end belong to no tensor",
                         reader->path, reader->size_bytes - end);
    return STATUS_OK;
}

enum status gguf_reader_open(const char *path, struct gguf_reader *reader)
{
    struct gguf_cursor header = { .bytes = STRBUF_INIT };
    *reader = (struct gguf_reader){ 0 };
    TRY(file_open_regular(path, &header.descriptor, &header.size_bytes));
    header.path = reader->path = memory_copy_string(path);
    reader->size_bytes = header.size_bytes;

    enum status status;
    TRY_CLEANUP(parse(reader, &header));
    TRY_CLEANUP(refuse_twins(path, reader->values, reader->value_count, sizeof *reader->values));
    TRY_CLEANUP(refuse_twins(path, reader->tensors, reader->tensor_count, sizeof *reader->tensors));
    TRY_CLEANUP(find_alignment(reader, &header));
    TRY_CLEANUP(place_tensors(reader, &header));
cleanup:
    close(header.descriptor);
    strbuf_release(&header.bytes);
    if (status != STATUS_OK)
        gguf_reader_release(reader);
    return status;
}

void gguf_reader_release(struct gguf_reader *reader)
{
    for (int64_t i = 0; i < reader->value_count; i++)
        memory_free(reader->values[i].key);
    for (int64_t i = 0; i < reader->tensor_count; i++)
        memory_free(reader->tensors[i].name);
    memory_free(reader->values);
    memory_free(reader->tensors);
    memory_free(reader->path);
    *reader = (struct gguf_reader){ 0 };
}

enum status gguf_reader_checksum(const struct gguf_reader *reader, int64_t begin, int64_t end,
                                 uint32_t *out)
{
    int descriptor;
    int64_t size_bytes;
    TRY(file_open_regular(reader->path, &descriptor, &size_bytes));
    unsigned char *block = memory_alloc(CHECKSUM_BLOCK);
    enum status status = STATUS_OK;
    *out = 0;
    while (begin < end && status == STATUS_OK) {
        const size_t length = end - begin < CHECKSUM_BLOCK ? (size_t)(end - begin) : CHECKSUM_BLOCK;
        status = file_read_at(descriptor, block, length, begin, reader->path);
        *out = span_checksum(*out, block, length);
        begin += (int64_t)length;
    }
    memory_free(block);
    close(descriptor);
    return status;
}
