/* gguf_reader: the header of a GGUF file, read as hostile input.
 *
 * After gguf_reader_open every key and name is there once, every tensor has a type of gguf_types.h
 * and a shape of whole blocks, and the data lie in the order of the tensors, each at a multiple of
 * the alignment, without hole or overlap, up to the end of the file. So a read cannot leave the
 * file, and no byte of it is hidden. ggml's own reader asks for the same.
 *
 * Values are checked and skipped: of each its place in the file is kept. Memory is taken for what
 * has been found in the file, never for what it says will come.
 */
#ifndef CHECKPOINTS_GGUF_READER_H
#define CHECKPOINTS_GGUF_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "checkpoints/gguf_format.h"
#include "checkpoints/gguf_types.h"

/* A vocabulary of a million tokens with its merges has 50 MB. */
#define GGUF_MAX_HEADER_BYTES ((int64_t)1 << 28)
#define GGUF_MAX_TENSORS      ((uint64_t)1 << 20)
#define GGUF_MAX_VALUES       ((uint64_t)1 << 16)
#define GGUF_MAX_ALIGNMENT    ((uint32_t)1 << 16)

struct gguf_value {
    char *key;
    enum gguf_value_type type; /* of an array: its elements' */
    bool is_array;
    int64_t count;      /* 1 where it is no array */
    int64_t begin, end; /* bytes, from the start of the file */
};

struct gguf_tensor {
    char *name;
    enum gguf_type type;
    int dimensions;
    int64_t shape[GGUF_MAX_DIMENSIONS]; /* innermost size first; beyond the dimensions 1 */
    int64_t begin, end;                 /* bytes, from the start of the file, without padding */
};

struct gguf_reader {
    char *path;
    int64_t size_bytes, data_begin;
    int64_t alignment;
    struct gguf_value *values; /* in the file's order, as the tensors */
    struct gguf_tensor *tensors;
    int64_t value_count, tensor_count;
    int64_t value_capacity, tensor_capacity;
};

/* Opens no link and nothing but a regular file, and closes it again. */
enum status gguf_reader_open(const char *path, struct gguf_reader *reader);
void gguf_reader_release(struct gguf_reader *reader);

/* zlib's CRC-32 of bytes [begin, end) of the file. */
enum status gguf_reader_checksum(const struct gguf_reader *reader, int64_t begin, int64_t end,
                                 uint32_t *out);

#endif
