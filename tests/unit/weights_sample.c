#include "tests/unit/weights_sample.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

int64_t sample_weight_elements(const struct sample_weight *weight)
{
    return weight->rows * (weight->cols ? weight->cols : 1);
}

float sample_weight_value(const struct sample_weight *weight, int64_t element)
{
    int64_t mixed = element * 7 + weight->rows * 3;
    for (const char *c = weight->name; *c; c++)
        mixed += 5 * *c;
    return (float)(mixed % 61 - 30) / 128;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint16_t sample_bf16(float value)
{
    return (uint16_t)(bits_of(value) >> 16);
}

uint16_t sample_fp16(float value)
{
    const uint32_t bits = bits_of(value), exponent = bits >> 23 & 0xff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    CHECK(exponent < 143, "%g is beyond fp16", (double)value);
    return exponent < 113 ? sign : (uint16_t)(sign | (exponent - 112) << 10 | (bits >> 13 & 0x3ff));
}

static int64_t element_bytes(const struct sample_weight *weight)
{
    return strcmp(weight->dtype, "F32") == 0 ? 4 : strcmp(weight->dtype, "I64") == 0 ? 8 : 2;
}

static struct json *entry_of(const struct sample_weight *weight, int64_t *offset)
{
    struct json *entry = json_new_object(), *shape = json_new_array(), *offsets = json_new_array();
    json_append_integer(shape, weight->rows);
    if (weight->cols)
        json_append_integer(shape, weight->cols);
    json_append_integer(offsets, *offset);
    *offset += sample_weight_elements(weight) * element_bytes(weight);
    json_append_integer(offsets, *offset);
    json_put_text(entry, "dtype", weight->dtype);
    json_put(entry, "shape", shape);
    json_put(entry, "data_offsets", offsets);
    return entry;
}

static void write_element(const struct sample_weight *weight, int64_t element, FILE *file)
{
    const float value =
        weight->values ? weight->values[element] : sample_weight_value(weight, element);
    uint32_t bits[2] = { bits_of(value), 0 };
    if (strcmp(weight->dtype, "BF16") == 0)
        bits[0] = sample_bf16(value);
    else if (strcmp(weight->dtype, "F16") == 0)
        bits[0] = sample_fp16(value);
    CHECK(fwrite(bits, (size_t)element_bytes(weight), 1, file) == 1, "cannot write a weight");
}

void weights_sample_write(const char *path, const struct sample_weight *weights, int64_t count)
{
    struct json *header = json_new_object();
    struct strbuf text = STRBUF_INIT;
    int64_t offset = 0;
    for (int64_t i = 0; i < count; i++)
        json_put(header, weights[i].name, entry_of(&weights[i], &offset));
    json_print(header, JSON_COMPACT, &text);
    json_free(header);

    FILE *file = fopen(path, "wb");
    const uint64_t length = text.length;
    CHECK(file && fwrite(&length, sizeof length, 1, file) == 1 &&
              fwrite(text.bytes, 1, text.length, file) == text.length,
          "cannot write '%s'", path);
    for (int64_t i = 0; i < count; i++)
        for (int64_t element = 0; element < sample_weight_elements(&weights[i]); element++)
            write_element(&weights[i], element, file);
    CHECK(fclose(file) == 0, "cannot write '%s'", path);
    strbuf_release(&text);
}
