/* gguf_format: what the writer and the reader of GGUF files share. Version 3, little-endian.
 * Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 *   "GGUF" | version | tensors | values |                        u32, u64, u64
 *   each value:   key | type | [element type | count] | bytes    of one, or of an array
 *   each tensor:  name | dimensions | sizes | type | offset      innermost size first
 *   padding to a multiple of the alignment
 *   data of the 1st tensor, padding | of the 2nd, padding | ...
 *
 * Texts are a u64 of their bytes, and these, without NUL. Offsets count from where the data begin.
 */
#ifndef CHECKPOINTS_GGUF_FORMAT_H
#define CHECKPOINTS_GGUF_FORMAT_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "GGUF is written little-endian: this host needs its numbers swapped on the way"
#endif

#define GGUF_MAGIC         "GGUF"
#define GGUF_ALIGNMENT_KEY "general.alignment"

enum {
    GGUF_VERSION = 3,
    GGUF_ALIGNMENT = 32, /* where no key says otherwise */
    GGUF_MAX_DIMENSIONS = 4,
    GGUF_MAX_NAME_BYTES = 63, /* of a tensor: ggml has room for 64 with a NUL */
    GGUF_MAX_KEY_BYTES = 65535,
};

enum gguf_value_type {
    GGUF_VALUE_U8,
    GGUF_VALUE_I8,
    GGUF_VALUE_U16,
    GGUF_VALUE_I16,
    GGUF_VALUE_U32,
    GGUF_VALUE_I32,
    GGUF_VALUE_F32,
    GGUF_VALUE_BOOL,
    GGUF_VALUE_TEXT,
    GGUF_VALUE_ARRAY,
    GGUF_VALUE_U64,
    GGUF_VALUE_I64,
    GGUF_VALUE_F64,
    GGUF_VALUE_TYPES
};

#endif
