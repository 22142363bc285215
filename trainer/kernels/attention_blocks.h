/* attention_blocks: what attention's two directions share. Private.
 *
 * A block is a stretch of queries of one head against a stretch of keys. Each of its products
 * multiplies tiles (tiles.h) that were packed into the thread's scratch, and used as often as
 * the walk over the blocks allows. Queries and keys begin at multiples of their block's size,
 * so that no result depends on which thread takes which block.
 */
#ifndef TRAINER_KERNELS_ATTENTION_BLOCKS_H
#define TRAINER_KERNELS_ATTENTION_BLOCKS_H

#include "trainer/kernels/attention.h"
#include "trainer/kernels/kernel_scratch.h"

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

/* Rows of the block of queries at `query` that see nothing of the keys from `key` on; a
 * multiple of 32, at which tiles of either element begin. */
static inline int64_t blind_rows(const struct attention *a, int64_t query, int64_t key)
{
    const int64_t rows = key - (a->past + query);
    return rows > 0 ? rows / (2 * TILE_SIDE) * (2 * TILE_SIDE) : 0;
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

/* C[rows,columns] (+)= A B from the tiles' first row on, and its operations counted. Right tiles
 * may be deeper than A's (`B_depth`) and begin `B_from` later: both along K. */
struct block_product {
    const real *A, *B;
    int64_t rows, columns, depth, B_depth, B_from;
    real *C;
    int64_t ldc;
    bool add;
};

static inline void multiply_tiles(struct kernels *kernels, int thread,
                                  const struct block_product *p)
{
    const int64_t length = tile_depth(kernels->element);
    struct tile_product product = {
        .A = p->A,
        .A_stride = tiles_across(p->depth, length),
        .B = p->B + p->B_from / length * TILE_UNITS,
        .B_stride = tiles_across(p->B_depth, length),
        .rows = p->rows,
        .columns = p->columns,
        .depth = tiles_across(p->depth, length),
        .C = p->C,
        .ldc = p->ldc,
        .add = p->add,
    };
    kernels->tiles[kernels->element].multiply(&product);
    kernels->scratch->threads[thread].flops += 2 * p->rows * p->columns * p->depth;
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
