#include "checkpoints/safetensors_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/span_list.h"

#define METADATA_KEY "__metadata__"

enum { LENGTH_BYTES = 8 };

/* The types of the format whose elements are whole bytes. */
static const struct dtype {
    const char *name;
    int64_t bytes;
} dtypes[] = {
    { "BOOL", 1 }, { "U8", 1 },  { "I8", 1 },  { "F8_E5M2", 1 }, { "F8_E4M3", 1 },
    { "I16", 2 },  { "U16", 2 }, { "F16", 2 }, { "BF16", 2 },    { "I32", 4 },
    { "U32", 4 },  { "F32", 4 }, { "F64", 8 }, { "I64", 8 },     { "U64", 8 },
};

static enum status refuse(const struct safetensors_reader *reader,
                          const struct safetensors_tensor *tensor, const char *cause)
{
    return bad_input("cannot read '%s': tensor '%s': %s", reader->path, tensor->name, cause);
}

static enum status parse_dtype(const struct safetensors_reader *reader, const struct json *entry,
                               struct safetensors_tensor *tensor, int64_t *bytes)
{
    const char *name;
    TRY(json_need_text(entry, "dtype", reader->path, &name));
    size_t length = json_text_length(json_member(entry, "dtype")); /* it may hold NUL */
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (length == strlen(dtypes[i].name) && strcmp(name, dtypes[i].name) == 0) {
            tensor->dtype = dtypes[i].name;
            *bytes = dtypes[i].bytes;
            return STATUS_OK;
        }
    }
    return bad_input("cannot read '%s': tensor '%s': unknown dtype '%s'", reader->path,
                     tensor->name, name);
}

static enum status parse_shape(const struct safetensors_reader *reader, const struct json *entry,
                               struct safetensors_tensor *tensor)
{
    const struct json *shape;
    TRY(json_need_kind(entry, "shape", JSON_KIND_ARRAY, reader->path, &shape));
    if (json_length(shape) > SAFETENSORS_MAX_DIMENSIONS)
        return refuse(reader, tensor, "its shape has too many dimensions");
    tensor->dimensions = (int)json_length(shape);
    tensor->elements = 1;
    for (int i = 0; i < tensor->dimensions; i++) {
        const struct json *item = json_item(shape, i);
        if (json_kind_of(item) != JSON_KIND_INTEGER || json_integer_of(item) < 0)
            return refuse(reader, tensor, "its shape holds something that is no size");
        tensor->shape[i] = json_integer_of(item);
        if (__builtin_mul_overflow(tensor->elements, tensor->shape[i], &tensor->elements))
            return refuse(reader, tensor, "the product of its shape overflows");
    }
    return STATUS_OK;
}

static enum status parse_offsets(const struct safetensors_reader *reader, const struct json *entry,
                                 int64_t data_begin, struct safetensors_tensor *tensor)
{
    const struct json *offsets;
    TRY(json_need_kind(entry, "data_offsets", JSON_KIND_ARRAY, reader->path, &offsets));
    if (json_length(offsets) != 2 || json_kind_of(json_item(offsets, 0)) != JSON_KIND_INTEGER ||
        json_kind_of(json_item(offsets, 1)) != JSON_KIND_INTEGER)
        return refuse(reader, tensor, "data_offsets is not two integers");
    int64_t begin = json_integer_of(json_item(offsets, 0));
    int64_t end = json_integer_of(json_item(offsets, 1));
    if (begin < 0 || begin > end || end > reader->size_bytes - data_begin)
        return refuse(reader, tensor, "data_offsets leave the file");
    tensor->begin = data_begin + begin;
    tensor->end = data_begin + end;
    return STATUS_OK;
}

static enum status parse_tensor(const struct safetensors_reader *reader, const char *name,
                                const struct json *entry, int64_t data_begin,
                                struct safetensors_tensor *tensor)
{
    int64_t element_bytes, bytes;
    *tensor = (struct safetensors_tensor){ .name = name };
    if (json_kind_of(entry) != JSON_KIND_OBJECT || json_length(entry) != 3)
        return refuse(reader, tensor, "it needs exactly dtype, shape and data_offsets");
    TRY(parse_dtype(reader, entry, tensor, &element_bytes));
    TRY(parse_shape(reader, entry, tensor));
    TRY(parse_offsets(reader, entry, data_begin, tensor));
    if (__builtin_mul_overflow(tensor->elements, element_bytes, &bytes) ||
        bytes != tensor->end - tensor->begin)
        return refuse(reader, tensor, "data_offsets do not match its shape");
    return STATUS_OK;
}

static enum status check_metadata(const struct safetensors_reader *reader)
{
    void *cursor = NULL;
    const char *key;
    const struct json *value, *metadata = safetensors_reader_metadata(reader);
    if (!metadata)
        return STATUS_OK;
    if (json_kind_of(metadata) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': " METADATA_KEY " is no object", reader->path);
    while (json_next_member(metadata, &cursor, &key, &value))
        if (json_kind_of(value) != JSON_KIND_STRING ||
            strlen(json_text(value)) != json_text_length(value))
            return bad_input("cannot read '%s': " METADATA_KEY " '%s' is no text", reader->path,
                             key);
    return STATUS_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct safetensors_tensor *first = a, *second = b;
    if (first->begin != second->begin)
        return first->begin < second->begin ? -1 : 1;
    return (first->end > second->end) - (first->end < second->end); /* empty ones first */
}

static enum status check_coverage(const struct safetensors_reader *reader, int64_t data_begin)
{
    int64_t place = data_begin;
    for (int64_t i = 0; i < reader->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &reader->tensors[i];
        if (tensor->begin != place)
            return refuse(reader, tensor,
                          tensor->begin < place ? "its data overlap those of another"
                                                : "there is a hole before its data");
        place = tensor->end;
    }
    if (place != reader->size_bytes)
        return bad_input("cannot read '%s': %" PRId64 " bytes at its end belong to no tensor",
                         reader->path, reader->size_bytes - place);
    return STATUS_OK;
}

static enum status parse_header(struct safetensors_reader *reader, int64_t data_begin)
{
    void *cursor = NULL;
    const char *name;
    const struct json *entry;
    if (json_kind_of(reader->header) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': its header is no JSON object", reader->path);
    TRY(check_metadata(reader));
    reader->tensors =
        memory_alloc_zeroed((size_t)json_length(reader->header) + 1, sizeof *reader->tensors);
    while (json_next_member(reader->header, &cursor, &name, &entry)) {
        if (strcmp(name, METADATA_KEY) == 0)
            continue;
        struct safetensors_tensor *tensor = &reader->tensors[reader->tensor_count];
        TRY(parse_tensor(reader, name, entry, data_begin, tensor));
        reader->tensor_count++;
    }
    qsort(reader->tensors, (size_t)reader->tensor_count, sizeof *reader->tensors, compare_places);
    return check_coverage(reader, data_begin);
}

/* The header's length, within the file and the format's bound; then its text. */
static enum status read_header(struct safetensors_reader *reader, int descriptor,
                               int64_t *data_begin)
{
    uint64_t length;
    TRY(file_read_at(descriptor, &length, LENGTH_BYTES, 0, reader->path));
    if (length > (uint64_t)(reader->size_bytes - LENGTH_BYTES))
        return bad_input("cannot read '%s': a header of %" PRIu64 " bytes in a file of %" PRId64,
                         reader->path, length, reader->size_bytes);
    if (length > (uint64_t)SAFETENSORS_MAX_HEADER_BYTES)
        return bad_input("cannot read '%s': a header of %" PRIu64 " bytes is more than %" PRId64,
                         reader->path, length, SAFETENSORS_MAX_HEADER_BYTES);

    char *text = memory_alloc((size_t)length + 1);
    reader->header_crc32 = span_checksum(0, &length, LENGTH_BYTES);
    enum status status = file_read_at(descriptor, text, (size_t)length, LENGTH_BYTES, reader->path);
    if (status == STATUS_OK && (length == 0 || text[0] != '{'))
        status = bad_input("cannot read '%s': its header does not begin with '{'", reader->path);
    if (status == STATUS_OK)
        status = json_parse(text, (size_t)length, reader->path, &reader->header);
    if (status == STATUS_OK)
        reader->header_crc32 = span_checksum(reader->header_crc32, text, (size_t)length);
    memory_free(text);
    *data_begin = LENGTH_BYTES + (int64_t)length;
    return status;
}

enum status safetensors_reader_open(const char *path, struct safetensors_reader *reader)
{
    int descriptor;
    int64_t size_bytes, data_begin;
    *reader = (struct safetensors_reader){ 0 };
    TRY(file_open_regular(path, &descriptor, &size_bytes));
    reader->path = memory_copy_string(path);
    reader->size_bytes = size_bytes;

    enum status status = read_header(reader, descriptor, &data_begin);
    close(descriptor);
    if (status == STATUS_OK)
        status = parse_header(reader, data_begin);
    if (status != STATUS_OK)
        safetensors_reader_release(reader);
    return status;
}

void safetensors_reader_release(struct safetensors_reader *reader)
{
    memory_free(reader->path);
    memory_free(reader->tensors);
    json_free(reader->header);
    *reader = (struct safetensors_reader){ 0 };
}

const struct json *safetensors_reader_metadata(const struct safetensors_reader *reader)
{
    return json_member(reader->header, METADATA_KEY);
}
