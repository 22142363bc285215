/* attention_blocks: what attention's two directions share. Private.
 *
 * A block is a stretch of queries of one head against a stretch of keys, and goes by stripes of
 * queries (kernel_table.h). Each of its products multiplies tiles (tiles.h) that were packed into
 * the thread's scratch, and used as often as the walk over the blocks allows. A query's sums run
 * over blocks of keys of fixed size, and a key's over stripes, so that no result depends on which
 * thread takes which block.
 */
#ifndef TRAINER_KERNELS_ATTENTION_BLOCKS_H
#define TRAINER_KERNELS_ATTENTION_BLOCKS_H

#include <string.h>

#include "trainer/kernels/attention.h"
#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/loops/real_math.h"

struct attention_job {
    struct kernels *kernels;
    const struct attention *attention;
    const struct attention_gradient *gradient; /* NULL in forward */
};

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t group_size(const struct attention *a)
{
    return a->heads / a->kv_heads;
}

/* Keys that the queries before `query` see: the walk's end. */
static inline int64_t visible_keys(const struct attention *a, int64_t query)
{
    return a->past + query;
}

/* The first key that query `query` of sequence b may see. */
static inline int64_t first_key(const struct attention *a, int64_t b, int64_t query)
{
    return a->document_starts ? a->document_starts[b * a->T + query] : 0;
}

/* The block of keys in which the walk of a block of queries begins. Documents follow each
 * other, so that no query of the block sees a key before its first one's document. */
static inline int64_t first_block(const struct attention *a, int64_t b, int64_t query, int64_t keys)
{
    return first_key(a, b, query) / keys * keys;
}

/* Queries of the block at `query` that see nothing of the keys from `key` on: whole stripes. */
static inline int64_t blind_queries(const struct attention *a, int64_t query, int64_t key)
{
    const int64_t queries = key - (a->past + query);
    return queries > 0 ? queries / STRIPE * STRIPE : 0;
}

static inline const void *element_at(const void *values, enum element element, int64_t index)
{
    return (const char *)values + index * element_bytes(element);
}

static inline const void *query_rows(const struct attention *a, int64_t b, int64_t h, int64_t t)
{
    return element_at(a->queries, a->element, (b * a->T + t) * a->query_stride + h * a->head_dim);
}

/* Of keys or values. */
static inline const void *key_rows(const struct attention *a, const void *values, int64_t b,
                                   int64_t g, int64_t t)
{
    const int64_t row = b * (a->past + a->T) + t;
    return element_at(values, a->element, row * a->kv_stride + g * a->head_dim);
}

/* In `out`, which is dense. */
static inline int64_t out_index(const struct attention *a, int64_t b, int64_t h, int64_t t)
{
    return ((b * a->T + t) * a->heads + h) * a->head_dim;
}

/* Tiles that hold [length, depth], in units. */
static inline int64_t tile_units(int64_t length, int64_t depth, enum element element)
{
    return tiles_across(length, TILE_SIDE) * tiles_across(depth, tile_depth(element)) * TILE_UNITS;
}

static inline void pack_left(const struct kernels *kernels, const void *values,
                             enum element element, int64_t ld, bool transposed, int64_t rows,
                             int64_t depth, void *tiles)
{
    const struct matrix matrix = { values, element, ld, transposed };
    kernels->tiles[kernels->element].pack_left(&matrix, rows, depth, tiles,
                                               tiles_across(depth, tile_depth(kernels->element)));
}

static inline void pack_right(const struct kernels *kernels, const void *values,
                              enum element element, int64_t ld, bool transposed, int64_t depth,
                              int64_t columns, void *tiles)
{
    const struct matrix matrix = { values, element, ld, transposed };
    kernels->tiles[kernels->element].pack_right(&matrix, depth, columns, tiles,
                                                tiles_across(depth, tile_depth(kernels->element)));
}

/* Right tiles [HD,M] of rows [M,HD], zero up to the end of the last stripe. */
static inline void pack_stripes(const struct kernels *kernels, const void *rows,
                                enum element element, int64_t ld, int64_t M, int64_t HD,
                                real *tiles)
{
    const int64_t units = tile_units(TILE_SIDE, HD, kernels->element);
    if (tiles_across(M, TILE_SIDE) % 2 != 0)
        memset(tiles + tiles_across(M, TILE_SIDE) * units, 0, (size_t)units * sizeof(real));
    pack_right(kernels, rows, element, ld, true, HD, M, tiles);
}

/* Operations of so many products [M,K] [K,N] without what rounds them up to whole tiles. */
static inline void count_products(struct kernels *kernels, int thread, int64_t products, int64_t M,
                                  int64_t N, int64_t K)
{
    kernels->scratch->threads[thread].flops += 2 * products * M * N * K;
}

/* What the stripe of `count` queries from `query` on sees of the N keys from `key` on. */
static inline struct score_stripe stripe_of(const struct attention *a, int64_t b, int64_t query,
                                            int64_t count, int64_t key, int64_t N,
                                            const real *scores)
{
    struct score_stripe s = { .scores = scores, .scale = 1 / real_sqrt((real)a->head_dim) };
    const int64_t last = query + count - 1;
    s.keys = smaller(visible_keys(a, last + 1) - key, N);
    s.all_first = first_key(a, b, last) - key;
    s.all_first = s.all_first > 0 ? s.all_first + s.all_first % 2 : 0;
    s.all_end = smaller(visible_keys(a, query + 1) - key, N) / 2 * 2;
    if (count < STRIPE)
        s.all_end = 0; /* the queries that are not there see nothing */
    for (int64_t j = 0; j < count; j++) {
        s.first[j] = (real)(first_key(a, b, query + j) - key);
        s.end[j] = (real)smaller(visible_keys(a, query + j + 1) - key, N);
    }
    for (int64_t j = count; j < STRIPE; j++)
        s.first[j] = s.end[j] = 0;
    return s;
}

/* Whether no query from `query` on sees a key before `end`: its document begins later. */
static inline bool is_over(const struct attention *a, int64_t b, int64_t query, int64_t end)
{
    return first_key(a, b, query) >= end;
}

static inline int64_t whole_tiles(int64_t length)
{
    return tiles_across(length, TILE_SIDE) * TILE_SIDE;
}

/* Hands out pieces of a thread's scratch, or with no base only adds up what they take. */
struct scratch_plan {
    char *base;
    size_t bytes;
};

static inline real *take_reals(struct scratch_plan *plan, int64_t count)
{
    real *piece = plan->base ? (real *)(void *)(plan->base + plan->bytes) : NULL;
    plan->bytes += arena_rounded((size_t)count * sizeof(real));
    return piece;
}

#endif
