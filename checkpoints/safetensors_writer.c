#include "checkpoints/safetensors_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors are little-endian: this host needs its floats swapped on the way"
#endif

enum {
    DATA_ALIGNMENT = 64, /* a cache line, for readers that map the file */
    FILL_BLOCK = 1 << 18 /* floats held at a time */
};

static int64_t part_count(const struct tensor_part *part)
{
    int64_t count = 0;
    for (int64_t i = 0; i < part->range_count; i++)
        count += part->ranges[i].end - part->ranges[i].begin;
    return count;
}

static void check_part(const struct tensor_part *part)
{
    int64_t elements, covered = 0;
    CHECK(part->rows > 0 && part->cols >= 0, "tensor '%s' has shape [%" PRId64 ", %" PRId64 "]",
          part->name, part->rows, part->cols);
    CHECK(!__builtin_mul_overflow(part->rows, part->cols ? part->cols : 1, &elements),
          "tensor '%s' is too large: [%" PRId64 ", %" PRId64 "]", part->name, part->rows,
          part->cols);
    for (int64_t i = 0; i < part->range_count; i++) {
        const struct slice range = part->ranges[i];
        CHECK(covered <= range.begin && range.begin < range.end && range.end <= elements,
              "[%" PRId64 ", %" PRId64 ") is no next range of tensor '%s' of %" PRId64 " elements",
              range.begin, range.end, part->name, elements);
        covered = range.end;
    }
    CHECK(covered > 0, "a part of tensor '%s' has no elements", part->name);
}

static bool is_whole(const struct tensor_part *part)
{
    return part_count(part) == part->rows * (part->cols ? part->cols : 1);
}

/* "BEGIN END BEGIN END ... ROWS COLS" */
static void put_ranges(struct json *metadata, const struct tensor_part *part)
{
    struct strbuf key = STRBUF_INIT, value = STRBUF_INIT;
    strbuf_addf(&key, "range.%s", part->name);
    for (int64_t i = 0; i < part->range_count; i++)
        strbuf_addf(&value, "%" PRId64 " %" PRId64 " ", part->ranges[i].begin, part->ranges[i].end);
    strbuf_addf(&value, "%" PRId64 " %" PRId64, part->rows, part->cols);
    json_put_text(metadata, key.bytes, value.bytes);
    strbuf_release(&key);
    strbuf_release(&value);
}

static struct json *metadata_of(int64_t step, const struct tensor_part *parts, int64_t count)
{
    char text[21];
    struct json *metadata = json_new_object();
    json_put_text(metadata, "format", "pt");
    snprintf(text, sizeof text, "%" PRId64, step);
    json_put_text(metadata, "step", text);
    for (const struct tensor_part *part = parts; part < parts + count; part++)
        if (!is_whole(part))
            put_ranges(metadata, part);
    return metadata;
}

static struct json *entry_of(const struct tensor_part *part, int64_t begin_bytes)
{
    struct json *entry = json_new_object(), *shape = json_new_array(), *offsets = json_new_array();
    json_append_integer(shape, is_whole(part) ? part->rows : part_count(part));
    if (is_whole(part) && part->cols)
        json_append_integer(shape, part->cols);
    json_append_integer(offsets, begin_bytes);
    json_append_integer(offsets, begin_bytes + part_count(part) * (int64_t)sizeof(float));
    json_put_text(entry, "dtype", "F32");
    json_put(entry, "shape", shape);
    json_put(entry, "data_offsets", offsets);
    return entry;
}

/* Length and header, padded so that the data are aligned. */
static void print_header(int64_t step, const struct tensor_part *parts, int64_t count,
                         struct strbuf *out)
{
    struct json *header = json_new_object();
    int64_t begin_bytes = 0;
    for (const struct tensor_part *part = parts; part < parts + count; part++)
        check_part(part);
    json_put(header, "__metadata__", metadata_of(step, parts, count));
    for (const struct tensor_part *part = parts; part < parts + count; part++) {
        CHECK(!json_member(header, part->name), "tensor '%s' comes twice in one file", part->name);
        json_put(header, part->name, entry_of(part, begin_bytes));
        begin_bytes += part_count(part) * (int64_t)sizeof(float);
    }

    uint64_t length = 0;
    strbuf_add(out, &length, sizeof length);
    json_print(header, JSON_COMPACT, out);
    while (out->length % DATA_ALIGNMENT)
        strbuf_add_char(out, ' ');
    length = out->length - sizeof length;
    memcpy(out->bytes, &length, sizeof length);
    json_free(header);
}

enum status safetensors_write(struct checked_file *file, int64_t step,
                              const struct tensor_part *parts, int64_t count)
{
    struct strbuf header = STRBUF_INIT;
    print_header(step, parts, count, &header);
    enum status status = checked_file_add(file, header.bytes, header.length);
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        status =
            checked_file_add(file, parts[i].data, (size_t)part_count(&parts[i]) * sizeof(float));
    strbuf_release(&header);
    return status;
}

static enum status add_filled(struct checked_file *file, const struct tensor_part *parts,
                              int64_t part, tensor_fill_function *fill, void *context, float *block)
{
    const int64_t elements = part_count(&parts[part]);
    for (int64_t begin = 0; begin < elements; begin += FILL_BLOCK) {
        const int64_t left = elements - begin, count = left < FILL_BLOCK ? left : FILL_BLOCK;
        TRY(fill(context, part, begin, begin + count, block));
        TRY(checked_file_add(file, block, (size_t)count * sizeof *block));
    }
    return STATUS_OK;
}

enum status safetensors_write_filled(struct checked_file *file, int64_t step,
                                     const struct tensor_part *parts, int64_t count,
                                     tensor_fill_function *fill, void *context)
{
    struct strbuf header = STRBUF_INIT;
    float *block = memory_alloc(FILL_BLOCK * sizeof *block);
    print_header(step, parts, count, &header);
    enum status status = checked_file_add(file, header.bytes, header.length);
    for (int64_t part = 0; status == STATUS_OK && part < count; part++)
        status = add_filled(file, parts, part, fill, context, block);
    strbuf_release(&header);
    memory_free(block);
    return status;
}
