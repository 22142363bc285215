/* The header of a GGUF file: what is taken lies within the file, in order and aligned, and its keys
 * and names differ. */
#include "checkpoints/gguf_reader.h"
#include "tests/fuzz/fuzz_target.h"

void fuzz_begin(void)
{
}

static void check_values(const struct gguf_reader *reader)
{
    int64_t place = 24;
    for (int64_t i = 0; i < reader->value_count; i++) {
        const struct gguf_value *value = &reader->values[i];
        CHECK(place < value->begin && value->begin <= value->end, "a value's place");
        CHECK(strlen(value->key) > 0 && value->type != GGUF_VALUE_ARRAY, "a value's key or type");
        CHECK(value->is_array || value->count == 1, "a value's count");
        for (int64_t j = 0; j < i && j < 64; j++)
            CHECK(strcmp(reader->values[j].key, value->key) != 0, "a key comes twice");
        place = value->end;
    }
    CHECK(place <= reader->data_begin, "a value among the data");
}

static void check_tensors(const struct gguf_reader *reader)
{
    int64_t place = reader->data_begin;
    for (int64_t i = 0; i < reader->tensor_count; i++) {
        const struct gguf_tensor *tensor = &reader->tensors[i];
        int64_t elements = 1;
        for (int d = 0; d < GGUF_MAX_DIMENSIONS; d++)
            elements *= tensor->shape[d];
        CHECK(strlen(tensor->name) > 0 && strlen(tensor->name) <= GGUF_MAX_NAME_BYTES, "a name");
        CHECK(gguf_type_fits(tensor->type, tensor->shape[0]), "a row of broken blocks");
        CHECK(tensor->end - tensor->begin == gguf_type_bytes(tensor->type, elements), "its bytes");
        CHECK(tensor->begin >= place && tensor->begin - place < reader->alignment &&
                  tensor->begin % reader->alignment == 0,
              "a hole, an overlap or a crooked place");
        place = tensor->end;
    }
    CHECK(reader->tensor_count == 0 || place <= reader->size_bytes, "it leaves the file");
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct gguf_reader reader;
    uint32_t checksum;
    if (gguf_reader_open(fuzz_file("model.gguf", data, size), &reader) != STATUS_OK)
        return;
    check_values(&reader);
    check_tensors(&reader);
    CHECK(gguf_reader_checksum(&reader, 0, reader.size_bytes, &checksum) == STATUS_OK,
          "the file that was opened has a checksum");
    gguf_reader_release(&reader);
}
