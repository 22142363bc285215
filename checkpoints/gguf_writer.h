/* gguf_writer: one GGUF file (gguf_format.h), written beside its place, read back, and renamed.
 *
 *   gguf_writer_init
 *   gguf_put_..., gguf_writer_declare       values and tensors, in the order of the file
 *   gguf_writer_begin                       the header goes to PATH.partial
 *   gguf_writer_add, gguf_writer_end_tensor the data of each tensor in turn
 *   gguf_writer_finish                      synced, read back and compared, renamed
 *   gguf_writer_release                     after a failure it removes what was written
 *
 * The header is held in memory, data are not. So that the file can be proved, a checksum of the
 * header and one of each tensor's data are kept until it is read back.
 */
#ifndef CHECKPOINTS_GGUF_WRITER_H
#define CHECKPOINTS_GGUF_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/gguf_types.h"

struct gguf_written_tensor {
    char *name;
    enum gguf_type type;
    int dimensions;
    int64_t shape[2]; /* innermost size first */
    int64_t begin, bytes;
    uint32_t crc32;
};

struct gguf_writer {
    char *path, *partial;
    struct direct_file file;
    int64_t at;               /* bytes written */
    bool is_open, is_written; /* the partial file: being written, and there */
    struct strbuf values;
    int64_t value_count, texts_left; /* of the array of texts under way */
    struct gguf_written_tensor *tensors;
    int64_t tensor_count, tensor_capacity;
    int64_t tensors_ended;
    int64_t data_begin, data_bytes; /* the latter with all padding */
    uint32_t header_crc32;
};

void gguf_writer_init(struct gguf_writer *writer, const char *path);
void gguf_writer_release(struct gguf_writer *writer);

/* Bytes that are not UTF-8 become U+FFFD. */
void gguf_put_text(struct gguf_writer *writer, const char *key, const char *text);
void gguf_put_u32(struct gguf_writer *writer, const char *key, int64_t value);
void gguf_put_f32(struct gguf_writer *writer, const char *key, double value);
void gguf_put_bool(struct gguf_writer *writer, const char *key, bool value);
void gguf_put_i32s(struct gguf_writer *writer, const char *key, const int32_t *values,
                   int64_t count);
void gguf_put_f32s(struct gguf_writer *writer, const char *key, const float *values, int64_t count);
/* An array of so many texts, which gguf_add_text then gives one by one. */
void gguf_put_texts(struct gguf_writer *writer, const char *key, int64_t count);
void gguf_add_text(struct gguf_writer *writer, const char *text, size_t length);

/* A matrix of `rows` rows of `cols` elements, whole blocks of the type; cols == 0: a vector. */
void gguf_writer_declare(struct gguf_writer *writer, const char *name, enum gguf_type type,
                         int64_t rows, int64_t cols);

enum status gguf_writer_begin(struct gguf_writer *writer);
/* More data of the next tensor, in its type. */
enum status gguf_writer_add(struct gguf_writer *writer, const void *bytes, int64_t length);
/* It has all its data. */
enum status gguf_writer_end_tensor(struct gguf_writer *writer);

/* Fails where what is read back is not what was written: nothing has been put in place then. */
enum status gguf_writer_finish(struct gguf_writer *writer);
/* Its steps: sync and close; compare; rename and sync the folder. */
enum status gguf_writer_close(struct gguf_writer *writer);
enum status gguf_writer_verify(const struct gguf_writer *writer);
enum status gguf_writer_put_in_place(struct gguf_writer *writer);

#endif
