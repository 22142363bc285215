/* span_list: checksums of stretches of bytes, which together make those of whole files and tensors.
 *
 *   rank 0   model.safetensors [0, 8M) 5f..    rank 1   model.safetensors [8M, 9M) c2..
 *   joined   model.safetensors [0, 9M) 07..
 *
 * The checksum is zlib's CRC-32, which can be combined: of two adjoining stretches it follows from
 * theirs. It finds accidents; who can write into the folder can forge it.
 */
#ifndef CHECKPOINTS_SPAN_LIST_H
#define CHECKPOINTS_SPAN_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "comm/world.h"

struct span {
    int64_t name;       /* its place in the list's names */
    int64_t begin, end; /* bytes */
    uint32_t crc32;
};

struct span_list {
    struct strbuf names; /* each with its NUL */
    struct span *spans;
    int64_t count, capacity;
};

/* Of bytes that follow those of `before`; 0 for the first. */
uint32_t span_checksum(uint32_t before, const void *bytes, size_t length);

void span_list_init(struct span_list *list);
void span_list_release(struct span_list *list);
const char *span_name(const struct span_list *list, const struct span *span);

/* One that goes on from the last one becomes part of it. */
void span_list_add(struct span_list *list, const char *name, int64_t begin, int64_t end,
                   uint32_t crc32);

/* Collective. On rank 0 the list then holds the spans of all ranks, elsewhere none. */
void span_list_gather(struct span_list *list, const struct world *world);

/* Sorts by name, bytewise, and place; spans that adjoin become one. */
void span_list_join(struct span_list *list);

#endif
