#include <string.h>

#include "base/memory.h"
#include "checkpoints/checkpoint_reader.h"

/* SHA-256 over, numbers as 8 bytes little-endian:
 *
 *   "eon-checkpoint-digest-1\n"
 *   for each tensor, in the bytewise order of their names:
 *       length of the name, name, rows, columns (0: a vector), values
 *   length of the compact JSON of state.json's "digested", that JSON
 *
 * Lengths come first, so that no two states spell the same bytes. */
#define DIGEST_HEADER "eon-checkpoint-digest-1\n"

enum { DIGEST_BLOCK = 1 << 18 }; /* floats held at a time */

static void add_number(struct sha256 *hash, int64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> (8 * i));
    sha256_add(hash, bytes, sizeof bytes);
}

static enum status add_tensor(struct checkpoint *checkpoint, const struct tensor_entry *tensor,
                              float *block, struct sha256 *hash)
{
    add_number(hash, (int64_t)strlen(tensor->name));
    sha256_add(hash, tensor->name, strlen(tensor->name));
    add_number(hash, tensor->rows);
    add_number(hash, tensor->cols);
    for (int64_t begin = 0; begin < tensor->elements; begin += DIGEST_BLOCK) {
        int64_t left = tensor->elements - begin;
        int64_t end = begin + (left < DIGEST_BLOCK ? left : DIGEST_BLOCK);
        TRY(checkpoint_read(checkpoint, tensor->name, tensor->rows, tensor->cols, begin, end,
                            block));
        sha256_add(hash, block, (size_t)(end - begin) * sizeof *block);
    }
    return STATUS_OK;
}

static enum status add_state(const struct checkpoint *checkpoint, struct sha256 *hash)
{
    const struct json *digested = json_member(checkpoint_state(checkpoint), "digested");
    if (!digested)
        return bad_input("cannot digest checkpoint '%s': its " CHECKPOINT_STATE_NAME
                         " has no member 'digested'",
                         checkpoint_folder(checkpoint));
    struct strbuf text = STRBUF_INIT;
    json_print(digested, JSON_COMPACT, &text);
    add_number(hash, (int64_t)text.length);
    sha256_add(hash, text.bytes, text.length);
    strbuf_release(&text);
    return STATUS_OK;
}

enum status checkpoint_digest(struct checkpoint *checkpoint, char hex[SHA256_HEX])
{
    const struct tensor_index *tensors = checkpoint_tensors(checkpoint);
    enum status status = STATUS_OK;
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, DIGEST_HEADER, strlen(DIGEST_HEADER));
    float *block = memory_alloc(DIGEST_BLOCK * sizeof *block);
    for (int64_t i = 0; status == STATUS_OK && i < tensors->tensor_count; i++)
        status = add_tensor(checkpoint, &tensors->tensors[i], block, &hash);
    if (status == STATUS_OK)
        status = add_state(checkpoint, &hash);
    memory_free(block);
    sha256_finish_hex(&hash, hex);
    return status;
}
