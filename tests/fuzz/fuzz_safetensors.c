/* The header of a safetensors file: what is taken covers the file without hole or overlap. An input
 * is the JSON, then NUL, then data; its length is put before it, or, where the JSON begins with
 * NUL, it is the file itself. */
#include "checkpoints/safetensors_reader.h"
#include "tests/fuzz/fuzz_target.h"

void fuzz_begin(void)
{
}

static void check_tensors(const struct safetensors_reader *reader)
{
    int64_t place = reader->tensor_count > 0 ? reader->tensors[0].begin : 0;
    for (int64_t i = 0; i < reader->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &reader->tensors[i];
        int64_t elements = 1;
        CHECK(tensor->begin == place && tensor->end >= place, "a hole or an overlap");
        for (int d = 0; d < tensor->dimensions; d++)
            elements *= tensor->shape[d];
        CHECK(elements == tensor->elements, "the shape's product");
        CHECK(strlen(tensor->name) < SIZE_MAX && strlen(tensor->dtype) > 1, "a name");
        place = tensor->end;
    }
    CHECK(reader->tensor_count == 0 || place == reader->size_bytes, "it ends elsewhere");
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct strbuf file = STRBUF_INIT;
    struct safetensors_reader reader;
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    uint64_t header = end ? (uint64_t)(end - data) : size;
    if (header > 0)
        for (int i = 0; i < 8; i++)
            strbuf_add_char(&file, (char)(header >> 8 * i));
    strbuf_add(&file, data, (size_t)header);
    if (end)
        strbuf_add(&file, end + 1, size - (size_t)header - 1);
    if (safetensors_reader_open(fuzz_file("model.safetensors", file.bytes, file.length), &reader) ==
        STATUS_OK) {
        check_tensors(&reader);
        safetensors_reader_release(&reader);
    }
    strbuf_release(&file);
}
