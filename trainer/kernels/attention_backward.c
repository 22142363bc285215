/* With P = softmax(scale Q K^T) and O = P V:
 *   dV = P^T dO,   dP = dO V^T,   dS = scale P (dP - rowsum(dO O)),   dQ = dS K,   dK = dS^T Q
 * because rowsum(dP P) = rowsum(dO O) (Dao et al. 2022, appendix B).
 *
 * A block of keys is taken with all queries that see it: its keys' and values' gradients stay in
 * the cache, the queries' grow in memory. Where there are too few heads for the threads, that is
 * done in two passes over finer pieces, one for each side's gradients: more operations, and the
 * same bits, because each gradient is the same chain over blocks. */
#include "trainer/kernels/attention_blocks.h"

#include <string.h>

#include "base/status.h"
#include "trainer/kernels/loops/real_math.h"
#include "trainer/kernels/product.h"

enum { QUERIES = 128, KEYS = 128 };
enum side { SIDE_KEYS = 1, SIDE_QUERIES = 2 };

struct backward_scratch {
    real *queries, *dout;               /* left tiles [QUERIES,HD] */
    real *query_columns, *dout_columns; /* right tiles [QUERIES,HD] */
    real *keys, *values;                /* right tiles [HD,KEYS], of the transposed rows */
    real *key_columns;                  /* right tiles [KEYS,HD] */
    real *weights;          /* left tiles: P^T or dS^T [KEYS,QUERIES], dS [QUERIES,KEYS] */
    real *scores, *dscores; /* [QUERIES,KEYS] */
    real *dkeys, *dvalues;  /* [KEYS,HD] */
    real *dots;             /* [QUERIES] rowsum(dO O) */
    real *out;              /* [HD] a row of O */
};

static size_t plan_scratch(struct backward_scratch *s, char *base, int64_t HD, enum element element)
{
    struct scratch_plan plan = { base, 0 };
    s->queries = take_reals(&plan, tile_units(QUERIES, HD, element));
    s->dout = take_reals(&plan, tile_units(QUERIES, HD, element));
    s->query_columns = take_reals(&plan, tile_units(HD, QUERIES, element));
    s->dout_columns = take_reals(&plan, tile_units(HD, QUERIES, element));
    s->keys = take_reals(&plan, tile_units(KEYS, HD, element));
    s->values = take_reals(&plan, tile_units(KEYS, HD, element));
    s->key_columns = take_reals(&plan, tile_units(HD, KEYS, element));
    s->weights = take_reals(&plan, tile_units(QUERIES, KEYS, element));
    s->scores = take_reals(&plan, QUERIES * KEYS);
    s->dscores = take_reals(&plan, QUERIES * KEYS);
    s->dkeys = take_reals(&plan, KEYS * HD);
    s->dvalues = take_reals(&plan, KEYS * HD);
    s->dots = take_reals(&plan, QUERIES);
    s->out = take_reals(&plan, HD);
    return plan.bytes;
}

/* Queries [query, query + M) of head h of sequence b against keys [key, key + N). */
struct score_block {
    int64_t b, h;
    int64_t query, M, key, N;
    int64_t from; /* rows before it see none of the keys */
};

static void pack_keys(const struct attention_job *job, const struct backward_scratch *s,
                      const struct score_block *block, int sides)
{
    const struct attention *a = job->attention;
    const int64_t g = block->h / group_size(a), HD = a->head_dim;
    const void *keys = key_rows(a, a->keys, block->b, g, block->key);
    const void *values = key_rows(a, a->values, block->b, g, block->key);
    pack_right(job->kernels, keys, a->element, a->kv_stride, true, HD, block->N, s->keys);
    pack_right(job->kernels, values, a->element, a->kv_stride, true, HD, block->N, s->values);
    if (sides & SIDE_QUERIES)
        pack_right(job->kernels, keys, a->element, a->kv_stride, false, block->N, HD,
                   s->key_columns);
}

static void pack_queries(const struct attention_job *job, const struct backward_scratch *s,
                         const struct score_block *block, int sides)
{
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->kernels;
    const int64_t HD = a->head_dim, M = block->M, width = a->heads * HD;
    const void *queries = query_rows(a, block->b, block->h, block->query);
    const int64_t at = out_index(a, block->b, block->h, block->query);
    const real *dout = job->gradient->dout + at;
    pack_left(kernels, queries, a->element, a->query_stride, false, M, HD, s->queries);
    pack_left(kernels, dout, ELEMENT_REAL, width, false, M, HD, s->dout);
    if (sides & SIDE_KEYS) {
        pack_right(kernels, queries, a->element, a->query_stride, false, M, HD, s->query_columns);
        pack_right(kernels, dout, ELEMENT_REAL, width, false, M, HD, s->dout_columns);
    }
    for (int64_t r = 0; r < M; r++) {
        kernels->tiles[a->element].load(element_at(a->out, a->element, at + r * width), s->out, HD);
        s->dots[r] = kernels->table->vector->dot(dout + r * width, s->out, HD);
    }
}

/* P into scores, dS into dscores: rows [from, M). */
static void block_score_gradients(const struct attention_job *job, int thread,
                                  const struct backward_scratch *s, const struct score_block *block)
{
    const struct attention *a = job->attention;
    const struct softmax_loops *softmax = job->kernels->table->softmax;
    const int64_t HD = a->head_dim, from = block->from;
    const int64_t row_units = tile_units(TILE_SIDE, HD, job->kernels->element) / TILE_SIDE;
    const real scale = 1 / real_sqrt((real)HD);
    const real *logsumexp = a->logsumexp + (block->b * a->heads + block->h) * a->T + block->query;
    struct block_product product = { .A = s->queries + from * row_units,
                                     .B = s->keys,
                                     .rows = block->M - from,
                                     .columns = block->N,
                                     .depth = HD,
                                     .B_depth = HD,
                                     .C = s->scores + from * KEYS,
                                     .ldc = KEYS };
    multiply_tiles(job->kernels, thread, &product); /* S = Q K^T */
    product.A = s->dout + from * row_units;
    product.B = s->values;
    product.C = s->dscores + from * KEYS;
    multiply_tiles(job->kernels, thread, &product); /* dP = dO V^T */
    for (int64_t r = from; r < block->M; r++) {
        const int64_t query = block->query + r;
        const struct key_range seen = { first_key(a, block->b, query) - block->key,
                                        visible_keys(a, query + 1) - block->key };
        real *p = s->scores + r * KEYS;
        softmax->probability_row(p, seen, block->N, scale, logsumexp[r]);
        softmax->score_gradient_row(s->dscores + r * KEYS, p, block->N, s->dots[r], scale);
    }
}

/* C[N,HD] += X[M,N]^T Y[M,HD]: what the block's keys or values get. */
static void add_to_keys(const struct attention_job *job, int thread,
                        const struct backward_scratch *s, const struct score_block *block,
                        const real *X, const real *Y, real *C)
{
    const int64_t HD = job->attention->head_dim, rows = block->M - block->from;
    pack_left(job->kernels, X + block->from * KEYS, ELEMENT_REAL, KEYS, true, block->N, rows,
              s->weights);
    const struct block_product product = { .A = s->weights,
                                           .B = Y,
                                           .rows = block->N,
                                           .columns = HD,
                                           .depth = rows,
                                           .B_depth = block->M,
                                           .B_from = block->from,
                                           .C = C,
                                           .ldc = HD,
                                           .add = true };
    multiply_tiles(job->kernels, thread, &product);
}

/* dQ[M,HD] += dS[M,N] K[N,HD] */
static void add_to_queries(const struct attention_job *job, int thread,
                           const struct backward_scratch *s, const struct score_block *block)
{
    const struct attention *a = job->attention;
    const int64_t HD = a->head_dim, row = block->query + block->from;
    pack_left(job->kernels, s->dscores + block->from * KEYS, ELEMENT_REAL, KEYS, false,
              block->M - block->from, block->N, s->weights);
    const struct block_product product = {
        .A = s->weights,
        .B = s->key_columns,
        .rows = block->M - block->from,
        .columns = HD,
        .depth = block->N,
        .B_depth = block->N,
        .C = job->gradient->dqueries + (block->b * a->T + row) * a->query_stride + block->h * HD,
        .ldc = a->query_stride,
        .add = block->key > first_block(a, block->b, block->query, KEYS),
    };
    multiply_tiles(job->kernels, thread, &product);
}

static void block_backward(const struct attention_job *job, int thread,
                           const struct backward_scratch *s, const struct score_block *block,
                           int sides)
{
    block_score_gradients(job, thread, s, block);
    if (sides & SIDE_KEYS) {
        add_to_keys(job, thread, s, block, s->scores, s->dout_columns, s->dvalues);
        add_to_keys(job, thread, s, block, s->dscores, s->query_columns, s->dkeys);
    }
    if (sides & SIDE_QUERIES)
        add_to_queries(job, thread, s, block);
}

static void store_rows(const real *rows, int64_t count, int64_t HD, real *out, int64_t stride)
{
    for (int64_t r = 0; r < count; r++)
        memcpy(out + r * stride, rows + r * HD, (size_t)HD * sizeof(real));
}

/* One block of keys against all queries of its group's heads that see it. */
static void keys_backward(const struct attention_job *job, int thread,
                          const struct backward_scratch *s, struct score_block block, int sides)
{
    const struct attention *a = job->attention;
    const int64_t HD = a->head_dim, group = group_size(a), g = block.h / group;
    block.N = smaller(a->T - block.key, KEYS);
    pack_keys(job, s, &block, sides);
    memset(s->dkeys, 0, (size_t)(KEYS * HD) * sizeof(real));
    memset(s->dvalues, 0, (size_t)(KEYS * HD) * sizeof(real));
    for (block.h = g * group; block.h < (g + 1) * group; block.h++)
        for (block.query = block.key / QUERIES * QUERIES; block.query < a->T;
             block.query += QUERIES) {
            if (first_block(a, block.b, block.query, KEYS) > block.key)
                break; /* this document is over, and so it is for all that follow */
            block.M = smaller(a->T - block.query, QUERIES);
            block.from = blind_rows(a, block.query, block.key);
            pack_queries(job, s, &block, sides);
            block_backward(job, thread, s, &block, sides);
        }
    const int64_t at = (block.b * a->T + block.key) * a->kv_stride + g * HD;
    store_rows(s->dkeys, block.N, HD, job->gradient->dkeys + at, a->kv_stride);
    store_rows(s->dvalues, block.N, HD, job->gradient->dvalues + at, a->kv_stride);
}

static struct backward_scratch scratch_of(const struct attention_job *job, int thread)
{
    struct backward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].attention, job->attention->head_dim,
                 job->kernels->element);
    return s;
}

/* Item (b, g): everything of one key-value head of one sequence. */
static void group_backward(void *context, int64_t item, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct backward_scratch s = scratch_of(job, thread);
    struct score_block block = { .b = item / a->kv_heads, .h = item % a->kv_heads * group_size(a) };
    for (block.key = 0; block.key < a->T; block.key += KEYS)
        keys_backward(job, thread, &s, block, SIDE_KEYS | SIDE_QUERIES);
}

/* Item (b, g, block of keys): their gradients alone. */
static void key_block_backward(void *context, int64_t item, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct backward_scratch s = scratch_of(job, thread);
    const int64_t blocks = tiles_across(a->T, KEYS), head = item / blocks;
    const struct score_block block = { .b = head / a->kv_heads,
                                       .h = head % a->kv_heads * group_size(a),
                                       .key = item % blocks * KEYS };
    keys_backward(job, thread, &s, block, SIDE_KEYS);
}

/* Item (b, h, block of queries): their gradients alone. */
static void query_block_backward(void *context, int64_t item, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct backward_scratch s = scratch_of(job, thread);
    const int64_t blocks = tiles_across(a->T, QUERIES), head = item / blocks;
    struct score_block block = { .b = head / a->heads,
                                 .h = head % a->heads,
                                 .query = (blocks - 1 - item % blocks) * QUERIES };
    block.M = smaller(a->T - block.query, QUERIES);
    pack_queries(job, &s, &block, SIDE_QUERIES);
    for (block.key = first_block(a, block.b, block.query, KEYS); block.key < block.query + block.M;
         block.key += KEYS) {
        block.N = smaller(a->T - block.key, KEYS);
        block.from = blind_rows(a, block.query, block.key);
        pack_keys(job, &s, &block, SIDE_QUERIES);
        block_backward(job, thread, &s, &block, SIDE_QUERIES);
    }
}

void attention_backward(struct kernels *kernels, const struct attention *attention,
                        const struct attention_gradient *gradient)
{
    const struct attention *a = attention;
    struct attention_job job = { kernels, a, gradient };
    struct backward_scratch none;
    const int64_t groups = a->B * a->kv_heads, threads = thread_pool_size(kernels->pool);
    CHECK(a->past == 0, "attention over a cache has no backward pass");
    kernel_scratch_reserve(kernels, plan_scratch(&none, NULL, a->head_dim, kernels->element));
    if (threads == 1 || groups >= 2 * threads) {
        kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, groups, group_backward, &job);
        return;
    }
    kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, groups * tiles_across(a->T, KEYS),
                key_block_backward, &job);
    kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, a->B * a->heads * tiles_across(a->T, QUERIES),
                query_block_backward, &job);
}
