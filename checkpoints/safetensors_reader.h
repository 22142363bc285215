/* safetensors_reader: the header of a safetensors file, read as hostile input.
 *
 * After safetensors_reader_open every tensor has a known type and a shape whose
 * product is its size, and the tensors cover the data section exactly: inside
 * the file, without overlap or hole. So a read cannot leave the file, and no
 * byte of it is hidden. Only the header is held in memory.
 */
#ifndef CHECKPOINTS_SAFETENSORS_READER_H
#define CHECKPOINTS_SAFETENSORS_READER_H

#include <stdint.h>

#include "base/json.h"
#include "base/status.h"

/* The bound of the format's reference implementation. */
#define SAFETENSORS_MAX_HEADER_BYTES ((int64_t)100000000)

enum { SAFETENSORS_MAX_DIMENSIONS = 8 };

struct safetensors_tensor {
    const char *name;  /* lives as long as the reader */
    const char *dtype; /* "F32", "BF16", ... */
    int dimensions;
    int64_t shape[SAFETENSORS_MAX_DIMENSIONS];
    int64_t elements;
    int64_t begin, end; /* bytes, from the start of the file */
};

struct safetensors_reader {
    char *path;
    struct json *header;
    struct safetensors_tensor *tensors; /* in the order of their data */
    int64_t tensor_count;
    int64_t size_bytes;
    uint32_t header_crc32; /* of the length and the header, as they were read */
};

/* Opens no link and nothing but a regular file, and closes it again. */
enum status safetensors_reader_open(const char *path, struct safetensors_reader *reader);
void safetensors_reader_release(struct safetensors_reader *reader);

/* __metadata__, an object of texts, or NULL. */
const struct json *safetensors_reader_metadata(const struct safetensors_reader *reader);

#endif
