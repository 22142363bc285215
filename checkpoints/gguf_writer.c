#include "checkpoints/gguf_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "checkpoints/gguf_format.h"
#include "checkpoints/span_list.h"

void gguf_writer_init(struct gguf_writer *writer, const char *path)
{
    struct strbuf partial = STRBUF_INIT;
    strbuf_addf(&partial, "%s.partial", path);
    *writer = (struct gguf_writer){ .path = memory_copy_string(path),
                                    .partial = memory_copy_string(partial.bytes),
                                    .values = STRBUF_INIT };
    strbuf_release(&partial);
}

void gguf_writer_release(struct gguf_writer *writer)
{
    if (writer->is_open)
        direct_file_end(&writer->file, STATUS_FAILED);
    if (writer->is_written)
        unlink(writer->partial);
    for (int64_t i = 0; i < writer->tensor_count; i++)
        memory_free(writer->tensors[i].name);
    memory_free(writer->tensors);
    strbuf_release(&writer->values);
    memory_free(writer->partial);
    memory_free(writer->path);
    *writer = (struct gguf_writer){ .values = STRBUF_INIT };
}

static void add_u32(struct strbuf *out, uint32_t value)
{
    strbuf_add(out, &value, sizeof value);
}

static void add_u64(struct strbuf *out, uint64_t value)
{
    strbuf_add(out, &value, sizeof value);
}

static void add_text(struct strbuf *out, const char *text, size_t length)
{
    add_u64(out, length);
    strbuf_add(out, text, length);
}

static void add_key(struct gguf_writer *writer, const char *key, enum gguf_value_type type)
{
    CHECK(writer->texts_left == 0, "the array before '%s' lacks %" PRId64 " texts", key,
          writer->texts_left);
    CHECK(!writer->is_written, "'%s' comes after the header was written", key);
    add_text(&writer->values, key, strlen(key));
    add_u32(&writer->values, type);
    writer->value_count++;
}

static void add_repaired(struct strbuf *out, const char *text, size_t length)
{
    struct strbuf clean = STRBUF_INIT;
    utf8_add_repaired(&clean, text, length);
    add_text(out, clean.bytes, clean.length);
    strbuf_release(&clean);
}

void gguf_put_text(struct gguf_writer *writer, const char *key, const char *text)
{
    add_key(writer, key, GGUF_VALUE_TEXT);
    add_repaired(&writer->values, text, strlen(text));
}

void gguf_put_u32(struct gguf_writer *writer, const char *key, int64_t value)
{
    CHECK(0 <= value && value <= UINT32_MAX, "'%s' is %" PRId64 ", which has no 32 bits", key,
          value);
    add_key(writer, key, GGUF_VALUE_U32);
    add_u32(&writer->values, (uint32_t)value);
}

void gguf_put_f32(struct gguf_writer *writer, const char *key, double value)
{
    const float single = (float)value;
    add_key(writer, key, GGUF_VALUE_F32);
    strbuf_add(&writer->values, &single, sizeof single);
}

void gguf_put_bool(struct gguf_writer *writer, const char *key, bool value)
{
    add_key(writer, key, GGUF_VALUE_BOOL);
    strbuf_add_char(&writer->values, value);
}

static void add_array(struct gguf_writer *writer, const char *key, enum gguf_value_type element,
                      int64_t count)
{
    add_key(writer, key, GGUF_VALUE_ARRAY);
    add_u32(&writer->values, element);
    add_u64(&writer->values, (uint64_t)count);
}

void gguf_put_i32s(struct gguf_writer *writer, const char *key, const int32_t *values,
                   int64_t count)
{
    add_array(writer, key, GGUF_VALUE_I32, count);
    strbuf_add(&writer->values, values, (size_t)count * sizeof *values);
}

void gguf_put_f32s(struct gguf_writer *writer, const char *key, const float *values, int64_t count)
{
    add_array(writer, key, GGUF_VALUE_F32, count);
    strbuf_add(&writer->values, values, (size_t)count * sizeof *values);
}

void gguf_put_texts(struct gguf_writer *writer, const char *key, int64_t count)
{
    add_array(writer, key, GGUF_VALUE_TEXT, count);
    writer->texts_left = count;
}

void gguf_add_text(struct gguf_writer *writer, const char *text, size_t length)
{
    CHECK(writer->texts_left > 0, "the array has all its texts before '%.*s'", (int)length, text);
    add_repaired(&writer->values, text, length);
    writer->texts_left--;
}

static int64_t padding(int64_t bytes)
{
    return -bytes & (GGUF_ALIGNMENT - 1);
}

/* `begin` counts from where the data begin, until that is known. */
void gguf_writer_declare(struct gguf_writer *writer, const char *name, enum gguf_type type,
                         int64_t rows, int64_t cols)
{
    CHECK(strlen(name) <= GGUF_MAX_NAME_BYTES, "the tensor's name '%s' is too long", name);
    CHECK(rows > 0 && gguf_type_fits(type, cols ? cols : rows),
          "tensor '%s' has rows that are no whole blocks", name);
    if (writer->tensor_count == writer->tensor_capacity) {
        writer->tensor_capacity = writer->tensor_capacity ? 2 * writer->tensor_capacity : 64;
        writer->tensors = memory_realloc(writer->tensors,
                                         (size_t)writer->tensor_capacity * sizeof *writer->tensors);
    }
    const int64_t bytes = gguf_type_bytes(type, cols ? rows * cols : rows);
    writer->tensors[writer->tensor_count++] =
        (struct gguf_written_tensor){ .name = memory_copy_string(name),
                                      .type = type,
                                      .dimensions = cols ? 2 : 1,
                                      .shape = { cols ? cols : rows, cols ? rows : 1 },
                                      .begin = writer->data_bytes,
                                      .bytes = bytes };
    writer->data_bytes += bytes + padding(bytes);
}

static void print_header(const struct gguf_writer *writer, struct strbuf *out)
{
    strbuf_add_string(out, GGUF_MAGIC);
    add_u32(out, GGUF_VERSION);
    add_u64(out, (uint64_t)writer->tensor_count);
    add_u64(out, (uint64_t)writer->value_count);
    strbuf_add(out, writer->values.bytes, writer->values.length);
    for (int64_t i = 0; i < writer->tensor_count; i++) {
        const struct gguf_written_tensor *tensor = &writer->tensors[i];
        add_text(out, tensor->name, strlen(tensor->name));
        add_u32(out, (uint32_t)tensor->dimensions);
        for (int d = 0; d < tensor->dimensions; d++)
            add_u64(out, (uint64_t)tensor->shape[d]);
        add_u32(out, tensor->type);
        add_u64(out, (uint64_t)tensor->begin);
    }
    while (padding((int64_t)out->length))
        strbuf_add_char(out, '\0');
}

static enum status append(struct gguf_writer *writer, const void *bytes, size_t length)
{
    TRY(direct_file_write(&writer->file, bytes, length, writer->at));
    writer->at += (int64_t)length;
    return STATUS_OK;
}

/* What a killed writer left is removed first, so that it does not pile up. */
enum status gguf_writer_begin(struct gguf_writer *writer)
{
    struct strbuf header = STRBUF_INIT;
    CHECK(writer->texts_left == 0, "the last array lacks %" PRId64 " texts", writer->texts_left);
    print_header(writer, &header);
    writer->data_begin = (int64_t)header.length;
    for (int64_t i = 0; i < writer->tensor_count; i++)
        writer->tensors[i].begin += writer->data_begin;

    unlink(writer->partial);
    enum status status = direct_file_open(writer->partial, false, &writer->file);
    writer->is_open = writer->is_written = status == STATUS_OK;
    if (status == STATUS_OK)
        status = append(writer, header.bytes, header.length);
    writer->header_crc32 = span_checksum(0, header.bytes, header.length);
    strbuf_release(&header);
    return status;
}

enum status gguf_writer_add(struct gguf_writer *writer, const void *bytes, int64_t length)
{
    struct gguf_written_tensor *tensor = &writer->tensors[writer->tensors_ended];
    tensor->crc32 = span_checksum(tensor->crc32, bytes, (size_t)length);
    return append(writer, bytes, (size_t)length);
}

enum status gguf_writer_end_tensor(struct gguf_writer *writer)
{
    static const unsigned char zeros[GGUF_ALIGNMENT];
    const struct gguf_written_tensor *tensor = &writer->tensors[writer->tensors_ended++];
    CHECK(writer->at == tensor->begin + tensor->bytes,
          "tensor '%s' ends at byte %" PRId64 " instead of %" PRId64, tensor->name, writer->at,
          tensor->begin + tensor->bytes);
    return append(writer, zeros, (size_t)padding(tensor->bytes));
}

enum status gguf_writer_close(struct gguf_writer *writer)
{
    CHECK(writer->tensors_ended == writer->tensor_count,
          "%" PRId64 " of %" PRId64 " tensors have their data", writer->tensors_ended,
          writer->tensor_count);
    writer->is_open = false;
    return direct_file_end(&writer->file, STATUS_OK);
}

enum status gguf_writer_put_in_place(struct gguf_writer *writer)
{
    if (rename(writer->partial, writer->path) != 0)
        return failed("cannot rename '%s' to '%s': %s", writer->partial, writer->path,
                      strerror(errno));
    writer->is_written = false;
    return folder_sync_parent(writer->path);
}

enum status gguf_writer_finish(struct gguf_writer *writer)
{
    TRY(gguf_writer_close(writer));
    TRY(gguf_writer_verify(writer));
    return gguf_writer_put_in_place(writer);
}
