/* With P = softmax(scale Q K^T) and O = P V:
 *   dV = P^T dO,   dP = dO V^T,   dS = scale P (dP - rowsum(dO O)),   dQ = dS K,   dK = dS^T Q
 * because rowsum(dP P) = rowsum(dO O) (Dao et al. 2022, appendix B).
 *
 * All is computed transposed, a stripe of queries at a time: S^T = K Q^T, dP^T = V dO^T, and
 * dQ^T += K^T dS^T. So P^T and dS^T come out of the loops as the tiles that the products read, and
 * only the gradient of the queries is turned over, once, at the end.
 *
 * A span of queries of one head is packed, and then each block of keys is taken with all queries of
 * the span that see it: its keys' and values' gradients stay in the cache, and go on from memory
 * with the next span or head. Where there are too few heads for the threads, that is done in two
 * passes over finer pieces, one for each side's gradients: more operations, and the same bits,
 * because each gradient is the same chain over blocks. */
#include "trainer/kernels/attention_blocks.h"

#include "base/status.h"
#include "trainer/kernels/product.h"

enum { QUERIES = 256, KEYS = 128, SPAN = 4 * QUERIES };
enum side { SIDE_KEYS = 1, SIDE_QUERIES = 2 };

/* A block of queries, packed, and its gradient. HD is rounded up to whole tiles. */
struct packed_queries {
    real *queries, *dout;               /* right tiles [HD,QUERIES] of the transposed rows */
    real *query_columns, *dout_columns; /* right tiles [QUERIES,HD] */
    real *dqueries;                     /* [HD,STRIPE] for each stripe */
    real *logsumexp, *dots;             /* [QUERIES]; dots: rowsum(dO O) */
};

struct backward_scratch {
    struct packed_queries blocks[SPAN / QUERIES];
    real *keys, *values;             /* left tiles [KEYS,HD] */
    real *key_columns;               /* left tiles [HD,KEYS], of the transposed rows */
    real *scores, *dscores;          /* [KEYS,STRIPE] */
    real *weights, *score_gradients; /* left tiles [KEYS,QUERIES]: P^T, dS^T */
    real *gradient_columns;          /* right tiles [KEYS,STRIPE]: dS^T */
    real *dkeys, *dvalues;           /* [KEYS,HD] */
    real *out;                       /* [HD] a row of O */
    real *ones;                      /* [STRIPE] */
};

static size_t plan_scratch(struct backward_scratch *s, char *base, const struct attention *a,
                           enum element element)
{
    struct scratch_plan plan = { base, 0 };
    const int64_t HD = whole_tiles(a->head_dim);
    const int64_t blocks = tiles_across(smaller(a->T, SPAN), QUERIES);
    for (int64_t i = 0; i < blocks; i++) {
        struct packed_queries *q = &s->blocks[i];
        q->queries = take_reals(&plan, tile_units(QUERIES, HD, element));
        q->dout = take_reals(&plan, tile_units(QUERIES, HD, element));
        q->query_columns = take_reals(&plan, tile_units(HD, QUERIES, element));
        q->dout_columns = take_reals(&plan, tile_units(HD, QUERIES, element));
        q->dqueries = take_reals(&plan, QUERIES * HD);
        q->logsumexp = take_reals(&plan, QUERIES);
        q->dots = take_reals(&plan, QUERIES);
    }
    s->keys = take_reals(&plan, tile_units(KEYS, HD, element));
    s->values = take_reals(&plan, tile_units(KEYS, HD, element));
    s->key_columns = take_reals(&plan, tile_units(HD, KEYS, element));
    s->scores = take_reals(&plan, KEYS * STRIPE);
    s->dscores = take_reals(&plan, KEYS * STRIPE);
    s->weights = take_reals(&plan, tile_units(KEYS, QUERIES, element));
    s->score_gradients = take_reals(&plan, tile_units(KEYS, QUERIES, element));
    s->gradient_columns = take_reals(&plan, tile_units(STRIPE, KEYS, element));
    s->dkeys = take_reals(&plan, KEYS * HD);
    s->dvalues = take_reals(&plan, KEYS * HD);
    s->out = take_reals(&plan, HD);
    s->ones = take_reals(&plan, STRIPE);
    return plan.bytes;
}

/* Queries [query, query + M) of head h of sequence b against keys [key, key + N). */
struct score_block {
    int64_t b, h;
    int64_t query, M, key, N;
    bool goes_on; /* the keys' gradients have begun */
};

static void pack_keys(const struct attention_job *job, const struct backward_scratch *s,
                      const struct score_block *block)
{
    const struct attention *a = job->attention;
    const int64_t g = block->h / group_size(a), HD = a->head_dim;
    const void *keys = key_rows(a, a->keys, block->b, g, block->key);
    const void *values = key_rows(a, a->values, block->b, g, block->key);
    pack_left(job->kernels, keys, a->element, a->kv_stride, false, block->N, HD, s->keys);
    pack_left(job->kernels, values, a->element, a->kv_stride, false, block->N, HD, s->values);
    pack_left(job->kernels, keys, a->element, a->kv_stride, true, HD, block->N, s->key_columns);
}

static void pack_queries(const struct attention_job *job, const struct backward_scratch *s,
                         const struct packed_queries *packed, const struct score_block *block)
{
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->kernels;
    const int64_t HD = a->head_dim, M = block->M, width = a->heads * HD;
    const void *queries = query_rows(a, block->b, block->h, block->query);
    const int64_t at = out_index(a, block->b, block->h, block->query);
    const real *dout = job->gradient->dout + at;
    pack_stripes(kernels, queries, a->element, a->query_stride, M, HD, packed->queries);
    pack_stripes(kernels, dout, ELEMENT_REAL, width, M, HD, packed->dout);
    pack_right(kernels, queries, a->element, a->query_stride, false, M, HD, packed->query_columns);
    pack_right(kernels, dout, ELEMENT_REAL, width, false, M, HD, packed->dout_columns);
    memcpy(packed->logsumexp, a->logsumexp + (block->b * a->heads + block->h) * a->T + block->query,
           (size_t)M * sizeof(real));
    for (int64_t r = 0; r < M; r++) {
        kernels->tiles[a->element].load(element_at(a->out, a->element, at + r * width), s->out, HD);
        packed->dots[r] = kernels->table->vector->dot(dout + r * width, s->out, HD);
    }
}

/* Tiles from one row of P^T's and dS^T's to the next: those of whole stripes. */
static int64_t left_stride(const struct score_block *block, int64_t first, enum element element)
{
    return tiles_across(block->M - first, STRIPE) * (STRIPE / tile_depth(element));
}

/* P^T and dS^T of the stripe of queries `from` within the block, as tiles; its dQ^T grows. */
static void stripe_backward(const struct attention_job *job, int thread,
                            const struct backward_scratch *s, const struct packed_queries *packed,
                            const struct score_block *block, int64_t from, int64_t first)
{
    const struct attention *a = job->attention;
    const enum element element = job->kernels->element;
    void (*multiply)(const struct tile_product *) = job->kernels->tiles[element].multiply;
    const int64_t side = tile_depth(element), HD = whole_tiles(a->head_dim);
    const int64_t depth = tiles_across(a->head_dim, side);
    const int64_t at = from / TILE_SIDE * depth * TILE_UNITS, query = block->query + from;
    const struct score_stripe stripe = stripe_of(
        a, block->b, query, smaller(block->M - from, STRIPE), block->key, block->N, s->scores);
    struct tile_product product = { .A = s->keys,
                                    .A_stride = depth,
                                    .B = packed->queries + at,
                                    .B_stride = depth,
                                    .rows = whole_tiles(stripe.keys),
                                    .columns = STRIPE,
                                    .depth = depth,
                                    .C = s->scores,
                                    .ldc = STRIPE };
    multiply(&product); /* S^T = K Q^T */
    product.A = s->values;
    product.B = packed->dout + at;
    product.C = s->dscores;
    multiply(&product); /* dP^T = V dO^T */

    const int64_t key_tiles = tiles_across(stripe.keys, side);
    const int64_t left = (from - first) / side * TILE_UNITS;
    const struct stripe_tiles tiles = { .left_weights = s->weights + left,
                                        .left_gradients = s->score_gradients + left,
                                        .left_stride = left_stride(block, first, element),
                                        .left_keys = whole_tiles(block->N),
                                        .right_gradients = s->gradient_columns,
                                        .right_stride = key_tiles };
    job->kernels->table->softmax->stripe_gradients(
        element, &stripe, s->dscores, packed->logsumexp + from, packed->dots + from, &tiles);

    const struct tile_product dqueries = { .A = s->key_columns,
                                           .A_stride = tiles_across(block->N, side),
                                           .B = s->gradient_columns,
                                           .B_stride = key_tiles,
                                           .rows = HD,
                                           .columns = STRIPE,
                                           .depth = key_tiles,
                                           .C = packed->dqueries + from * HD,
                                           .ldc = STRIPE,
                                           .add =
                                               block->key > first_block(a, block->b, query, KEYS) };
    multiply(&dqueries); /* dQ^T += K^T dS^T */
    count_products(job->kernels, thread, 3, smaller(block->M - from, STRIPE), stripe.keys,
                   a->head_dim);
}

/* C[N,HD] (+)= X^T[N,M] Y[M,HD] over the block's queries [first, end): what the keys get. */
static void add_to_keys(const struct attention_job *job, int thread,
                        const struct score_block *block, int64_t first, int64_t end, const real *X,
                        const real *Y, real *C)
{
    const int64_t side = tile_depth(job->kernels->element);
    const int64_t HD = whole_tiles(job->attention->head_dim);
    const struct tile_product product = { .A = X,
                                          .A_stride =
                                              left_stride(block, first, job->kernels->element),
                                          .B = Y + first / side * TILE_UNITS,
                                          .B_stride = tiles_across(block->M, side),
                                          .rows = whole_tiles(block->N),
                                          .columns = HD,
                                          .depth = tiles_across(end - first, side),
                                          .C = C,
                                          .ldc = HD,
                                          .add = block->goes_on };
    job->kernels->tiles[job->kernels->element].multiply(&product);
    count_products(job->kernels, thread, 1, block->N, end - first, job->attention->head_dim);
}

static void block_backward(const struct attention_job *job, int thread,
                           const struct backward_scratch *s, const struct packed_queries *packed,
                           struct score_block *block, int sides)
{
    const struct attention *a = job->attention;
    const int64_t first = blind_queries(a, block->query, block->key);
    int64_t from = first;
    for (; from < block->M && !is_over(a, block->b, block->query + from, block->key + block->N);
         from += STRIPE)
        stripe_backward(job, thread, s, packed, block, from, first);
    const int64_t end = smaller(from, block->M);
    if (!(sides & SIDE_KEYS) || end <= first)
        return;
    add_to_keys(job, thread, block, first, end, s->weights, packed->dout_columns, s->dvalues);
    add_to_keys(job, thread, block, first, end, s->score_gradients, packed->query_columns,
                s->dkeys);
    block->goes_on = true;
}

static void store_queries(const struct attention_job *job, const struct backward_scratch *s,
                          const struct packed_queries *packed, const struct score_block *block)
{
    const struct attention *a = job->attention;
    const int64_t HD = a->head_dim;
    real *dqueries = job->gradient->dqueries + (block->b * a->T + block->query) * a->query_stride +
                     block->h * HD;
    for (int64_t from = 0; from < block->M; from += STRIPE)
        job->kernels->table->softmax->store_stripe(
            packed->dqueries + from * whole_tiles(HD), HD, s->ones, ELEMENT_REAL,
            dqueries + from * a->query_stride, a->query_stride, smaller(block->M - from, STRIPE));
}

/* Where the keys' gradients lie in memory: dkeys, or dvalues. */
static real *key_gradients(const struct attention *a, const struct score_block *block, real *rows)
{
    return rows + (block->b * a->T + block->key) * a->kv_stride +
           block->h / group_size(a) * a->head_dim;
}

/* What the keys have so far, from memory. */
static void load_keys(const struct attention *a, const struct score_block *block, const real *rows,
                      real *sums)
{
    const int64_t HD = whole_tiles(a->head_dim);
    memset(sums, 0, (size_t)(KEYS * HD) * sizeof(real));
    for (int64_t r = 0; r < block->N; r++)
        memcpy(sums + r * HD, rows + r * a->kv_stride, (size_t)a->head_dim * sizeof(real));
}

static void store_keys(const struct attention_job *job, const struct score_block *block,
                       const real *sums, real *rows)
{
    const struct attention *a = job->attention;
    job->kernels->table->softmax->store_rows(sums, whole_tiles(a->head_dim), rows, a->kv_stride,
                                             block->N, a->head_dim);
}

static struct backward_scratch scratch_of(const struct attention_job *job, int thread)
{
    struct backward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].reserved, job->attention,
                 job->kernels->element);
    for (int i = 0; i < STRIPE; i++)
        s.ones[i] = 1;
    return s;
}

/* One block of keys against the queries of one head's span that see it. */
static void span_keys_backward(const struct attention_job *job, int thread,
                               const struct backward_scratch *s, struct score_block block,
                               int64_t span)
{
    const struct attention *a = job->attention;
    const int64_t end = smaller(span + SPAN, a->T);
    real *dkeys = key_gradients(a, &block, job->gradient->dkeys);
    real *dvalues = key_gradients(a, &block, job->gradient->dvalues);
    /* The span in which the keys lie is the first that sees them. */
    block.goes_on = block.key < span || block.h % group_size(a) > 0;
    pack_keys(job, s, &block);
    if (block.goes_on) {
        load_keys(a, &block, dkeys, s->dkeys);
        load_keys(a, &block, dvalues, s->dvalues);
    }
    for (block.query = block.key > span ? block.key / QUERIES * QUERIES : span; block.query < end;
         block.query += QUERIES) {
        block.M = smaller(a->T - block.query, QUERIES);
        block_backward(job, thread, s, &s->blocks[(block.query - span) / QUERIES], &block,
                       SIDE_KEYS | SIDE_QUERIES);
    }
    store_keys(job, &block, s->dkeys, dkeys);
    store_keys(job, &block, s->dvalues, dvalues);
}

/* A span of queries of one head against all keys that they see. */
static void span_backward(const struct attention_job *job, int thread,
                          const struct backward_scratch *s, struct score_block block, int64_t span)
{
    const struct attention *a = job->attention;
    const int64_t end = smaller(span + SPAN, a->T);
    for (block.query = span; block.query < end; block.query += QUERIES) {
        block.M = smaller(a->T - block.query, QUERIES);
        pack_queries(job, s, &s->blocks[(block.query - span) / QUERIES], &block);
    }
    for (block.key = first_block(a, block.b, span, KEYS); block.key < end; block.key += KEYS) {
        block.N = smaller(a->T - block.key, KEYS);
        span_keys_backward(job, thread, s, block, span);
    }
    for (block.query = span; block.query < end; block.query += QUERIES) {
        block.M = smaller(a->T - block.query, QUERIES);
        store_queries(job, s, &s->blocks[(block.query - span) / QUERIES], &block);
    }
}

/* Item (b, g): everything of one key-value head of one sequence. */
static void group_backward(void *context, int64_t item, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct backward_scratch s = scratch_of(job, thread);
    const int64_t first = item % a->kv_heads * group_size(a);
    struct score_block block = { .b = item / a->kv_heads };
    for (block.h = first; block.h < first + group_size(a); block.h++)
        for (int64_t span = 0; span < a->T; span += SPAN)
            span_backward(job, thread, &s, block, span);
}

/* Item (b, g, block of keys): their gradients alone. */
static void key_block_backward(void *context, int64_t item, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct backward_scratch s = scratch_of(job, thread);
    const int64_t blocks = tiles_across(a->T, KEYS), head = item / blocks;
    const int64_t first = head % a->kv_heads * group_size(a);
    struct score_block block = { .b = head / a->kv_heads, .h = first, .key = item % blocks * KEYS };
    block.N = smaller(a->T - block.key, KEYS);
    pack_keys(job, &s, &block);
    for (block.h = first; block.h < first + group_size(a); block.h++)
        for (block.query = block.key / QUERIES * QUERIES;
             block.query < a->T && !is_over(a, block.b, block.query, block.key + block.N);
             block.query += QUERIES) {
            block.M = smaller(a->T - block.query, QUERIES);
            pack_queries(job, &s, &s.blocks[0], &block);
            block_backward(job, thread, &s, &s.blocks[0], &block, SIDE_KEYS);
        }
    block.h = first;
    store_keys(job, &block, s.dkeys, key_gradients(a, &block, job->gradient->dkeys));
    store_keys(job, &block, s.dvalues, key_gradients(a, &block, job->gradient->dvalues));
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
    pack_queries(job, &s, &s.blocks[0], &block);
    for (block.key = first_block(a, block.b, block.query, KEYS); block.key < block.query + block.M;
         block.key += KEYS) {
        block.N = smaller(a->T - block.key, KEYS);
        pack_keys(job, &s, &block);
        block_backward(job, thread, &s, &s.blocks[0], &block, SIDE_QUERIES);
    }
    store_queries(job, &s, &s.blocks[0], &block);
}

void attention_backward(struct kernels *kernels, const struct attention *attention,
                        const struct attention_gradient *gradient)
{
    const struct attention *a = attention;
    struct attention_job job = { kernels, a, gradient };
    struct backward_scratch none;
    const int64_t groups = a->B * a->kv_heads, threads = thread_pool_size(kernels->pool);
    CHECK(a->past == 0, "attention over a cache has no backward pass");
    kernel_scratch_reserve(kernels, plan_scratch(&none, NULL, a, kernels->element));
    if (threads == 1 || groups >= 2 * threads) {
        kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, groups, group_backward, &job);
        return;
    }
    kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, groups * tiles_across(a->T, KEYS),
                key_block_backward, &job);
    kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, a->B * a->heads * tiles_across(a->T, QUERIES),
                query_block_backward, &job);
}
