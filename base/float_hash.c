#include "base/float_hash.h"

#include <string.h>

#include "base/memory.h"

#define ODD UINT64_C(0x9e3779b97f4a7c15)

enum { LANES = 8 };

struct block {
    const float *values;
    int64_t count;
};

struct blocks {
    struct block *list;
    uint64_t *hashes;
};

static uint64_t step(uint64_t lane, uint64_t word)
{
    lane ^= word;
    return (lane << 29 | lane >> 35) * ODD;
}

static uint64_t word_of(const float pair[2])
{
    uint32_t bits[2];
    memcpy(bits, pair, sizeof bits);
    return bits[0] | (uint64_t)bits[1] << 32;
}

static void hash_block(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct blocks *blocks = context;
    const float *values = blocks->list[index].values;
    const int64_t count = blocks->list[index].count, words = count / 2;
    uint64_t lanes[LANES], hash = (uint64_t)count;
    int64_t i = 0;

    for (uint64_t lane = 0; lane < LANES; lane++)
        lanes[lane] = (lane + 1) * ODD;
    for (; i + LANES <= words; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = step(lanes[lane], word_of(values + 2 * (i + lane)));
    for (; i < words; i++)
        lanes[i % LANES] = step(lanes[i % LANES], word_of(values + 2 * i));
    if (count % 2 != 0) {
        const float last[2] = { values[count - 1], 0.0f };
        lanes[words % LANES] = step(lanes[words % LANES], word_of(last));
    }
    for (int lane = 0; lane < LANES; lane++)
        hash = step(hash, lanes[lane]);
    blocks->hashes[index] = hash;
}

static int64_t length(const struct float_part *part)
{
    return part->end - part->begin;
}

static int64_t blocks_of(const struct float_part *part)
{
    return length(part) / FLOAT_HASH_BLOCK + (length(part) % FLOAT_HASH_BLOCK != 0);
}

static void list_blocks(struct block *list, const float *vector, const struct float_part *part)
{
    for (int64_t begin = part->begin; begin < part->end; begin += FLOAT_HASH_BLOCK) {
        const int64_t left = part->end - begin;
        *list++ =
            (struct block){ vector + begin, left < FLOAT_HASH_BLOCK ? left : FLOAT_HASH_BLOCK };
    }
}

static uint64_t join(uint64_t start, const uint64_t *hashes, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        start = step(start, hashes[i]);
    return start;
}

void float_hash_parts(struct thread_pool *pool, const float *vector, const struct float_part *parts,
                      int64_t count, uint64_t *hashes)
{
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++)
        total += blocks_of(&parts[i]);
    struct blocks blocks = {
        .list = memory_alloc_zeroed((size_t)total, sizeof *blocks.list),
        .hashes = memory_alloc_zeroed((size_t)total, sizeof *blocks.hashes),
    };
    for (int64_t i = 0, first = 0; i < count; first += blocks_of(&parts[i++]))
        list_blocks(blocks.list + first, vector, &parts[i]);

    thread_pool_run(pool, total, hash_block, &blocks);

    for (int64_t i = 0, first = 0; i < count; first += blocks_of(&parts[i++]))
        hashes[i] = join((uint64_t)length(&parts[i]), blocks.hashes + first, blocks_of(&parts[i]));
    memory_free(blocks.list);
    memory_free(blocks.hashes);
}

uint64_t float_hash_join(const uint64_t *hashes, int64_t count)
{
    return join((uint64_t)count, hashes, count);
}
