#include "shards/tokenizer/word_store.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static size_t cell_bytes(const struct word_store *store)
{
    return store->wide ? sizeof(uint32_t) : sizeof(uint16_t);
}

void word_store_init(struct word_store *store, size_t cells, bool wide)
{
    CHECK(cells <= WORD_STORE_MAX_CELLS, "words of %zu cells", cells);
    *store = (struct word_store){ .capacity = cells, .wide = wide };
    store->cells = memory_alloc(cells * cell_bytes(store));
}

void word_store_release(struct word_store *store)
{
    memory_free(store->cells);
    *store = (struct word_store){ 0 };
}

void word_store_add(struct word_store *store, const char *bytes, size_t length, int64_t count,
                    const int32_t byte_token[256])
{
    const bool wide = store->wide;
    CHECK(length <= WORD_STORE_MAX_LENGTH, "a word of %zu bytes", length);
    CHECK(WORD_STORE_HEAD(wide) + length <= store->capacity - store->used,
          "no room for a word of %zu bytes", length);
    size_t at = store->used;
    word_cell_set(store->cells, at++, (uint32_t)length, wide);
    for (uint64_t rest = (uint64_t)count; at < store->used + WORD_STORE_HEAD(wide); at++) {
        word_cell_set(store->cells, at, (uint32_t)rest, wide);
        rest >>= wide ? 32 : 16;
    }
    for (size_t i = 0; i < length; i++)
        word_cell_set(store->cells, at++, (uint32_t)byte_token[(unsigned char)bytes[i]], wide);
    store->used = at;
}

int64_t word_store_compact(struct word_store *store)
{
    const bool wide = store->wide;
    const size_t cell = cell_bytes(store);
    char *cells = store->cells;
    size_t written = 0, next;
    int64_t left_out = 0;
    for (size_t word = 0; word_find(cells, store->used, &word, wide); word = next) {
        size_t length = word_cell(cells, word, wide), size = WORD_STORE_HEAD(wide) + length;
        next = word + size;
        if (length < 2) {
            left_out += word_count(cells, word, wide) * (int64_t)length;
            continue;
        }
        memmove(cells + written * cell, cells + word * cell, size * cell);
        written += size;
    }
    store->used = store->capacity = written;
    store->cells = memory_realloc(store->cells, written * cell);
    return left_out;
}
