/* weights_sample: safetensors files as others write them, with weights in F32, F16 or BF16. */
#ifndef TESTS_UNIT_WEIGHTS_SAMPLE_H
#define TESTS_UNIT_WEIGHTS_SAMPLE_H

#include <stdint.h>

struct sample_weight {
    const char *name, *dtype; /* an element of F32 has 4 bytes, of I64 8, of any other type 2 */
    int64_t rows, cols;       /* cols == 0: a vector */
    const float *values;      /* NULL: sample_weight_value */
};

/* Trouble is fatal. */
void weights_sample_write(const char *path, const struct sample_weight *weights, int64_t count);

/* Different for different tensors and elements, and exact in all three types. */
float sample_weight_value(const struct sample_weight *weight, int64_t element);
int64_t sample_weight_elements(const struct sample_weight *weight);

/* The nearest of that type towards zero; fp16's denormals become zero. */
uint16_t sample_bf16(float value);
uint16_t sample_fp16(float value);

#endif
