/* word_store: counted words as sequences of tokens, packed, for training.
 *
 *   narrow    length | count, 3 cells | token | token | ... | length | count | ...     16-bit cells
 *   wide      length | count, 2 cells | token | token | ... | length | count | ...     32-bit cells
 *
 * A word is named by the place of its first cell. It only gets shorter: the
 * cells that it leaves hold WORD_STORE_VOID until word_store_compact moves the
 * words together (and gives them new places). Walks are for one width, known
 * when they are compiled: `wide` is a constant wherever it is passed.
 */
#ifndef SHARDS_WORD_STORE_H
#define SHARDS_WORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_STORE_MAX_CELLS     ((size_t)UINT32_MAX)
#define WORD_STORE_MAX_LENGTH    ((size_t)UINT16_MAX - 1)
#define WORD_STORE_NARROW_TOKENS ((int64_t)UINT16_MAX) /* as many ids need no wide cells */
#define WORD_STORE_HEAD(wide)    ((wide) ? (size_t)3 : (size_t)4)
#define WORD_STORE_VOID(wide)    ((wide) ? UINT32_MAX : (uint32_t)UINT16_MAX)

struct word_store {
    void *cells;
    size_t used, capacity; /* cells */
    bool wide;             /* tokens from 65,535 on need it */
};

/* What `words` words of `tokens` tokens in all take. */
static inline size_t word_store_cells(int64_t words, size_t tokens, bool wide)
{
    return (size_t)words * WORD_STORE_HEAD(wide) + tokens;
}

void word_store_init(struct word_store *store, size_t cells, bool wide); /* up to MAX_CELLS */
void word_store_release(struct word_store *store);

/* Byte b of the word is token byte_token[b]. */
void word_store_add(struct word_store *store, const char *bytes, size_t length, int64_t count,
                    const int32_t byte_token[256]);
/* Leaves out the words of one token; returns how often all of these occur. */
int64_t word_store_compact(struct word_store *store);

static inline uint32_t word_cell(const void *cells, size_t at, bool wide)
{
    return wide ? ((const uint32_t *)cells)[at] : ((const uint16_t *)cells)[at];
}

static inline void word_cell_set(void *cells, size_t at, uint32_t value, bool wide)
{
    if (wide)
        ((uint32_t *)cells)[at] = value;
    else
        ((uint16_t *)cells)[at] = (uint16_t)value;
}

static inline int64_t word_count(const void *cells, size_t word, bool wide)
{
    uint64_t low = word_cell(cells, word + 1, wide), high = word_cell(cells, word + 2, wide);
    if (wide)
        return (int64_t)(high << 32 | low);
    return (int64_t)((uint64_t)word_cell(cells, word + 3, wide) << 32 | high << 16 | low);
}

/* Goes on to the word at `*word` or after; false: there is none before `end`. */
static inline bool word_find(const void *cells, size_t end, size_t *word, bool wide)
{
    while (*word < end && word_cell(cells, *word, wide) == WORD_STORE_VOID(wide))
        ++*word;
    return *word < end;
}

#endif
