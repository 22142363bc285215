#include "trainer/kernels/attention_blocks.h"

#include <float.h>
#include <string.h>

#include "trainer/kernels/loops/real_math.h"
#include "trainer/kernels/product.h"

/* A stripe's scores and weights, and the keys' tiles, are for the first-level cache; what all
 * queries of the block have, for the second-level one. */
enum { MOST_QUERIES = 1024, LEAST_QUERIES = 256, KEYS = 64 };

struct forward_scratch {
    real *queries;           /* right tiles [HD,queries] of the transposed queries */
    real *keys, *values;     /* left tiles [KEYS,HD], [HD,KEYS] of the transposed values */
    real *scores;            /* [KEYS,STRIPE] */
    real *weights;           /* right tiles [KEYS,STRIPE] */
    real *out;               /* [HD,STRIPE] for each stripe, HD rounded up to whole tiles */
    real *row_max, *row_sum; /* [queries] */
    real *factors;           /* [STRIPE] */
};

static size_t plan_scratch(struct forward_scratch *s, char *base, int64_t queries, int64_t HD,
                           enum element element)
{
    struct scratch_plan plan = { base, 0 };
    s->queries = take_reals(&plan, tile_units(queries, HD, element));
    s->keys = take_reals(&plan, tile_units(KEYS, HD, element));
    s->values = take_reals(&plan, tile_units(HD, KEYS, element));
    s->scores = take_reals(&plan, KEYS * STRIPE);
    s->weights = take_reals(&plan, tile_units(STRIPE, KEYS, element));
    s->out = take_reals(&plan, queries * whole_tiles(HD));
    s->row_max = take_reals(&plan, queries);
    s->row_sum = take_reals(&plan, queries);
    s->factors = take_reals(&plan, STRIPE);
    return plan.bytes;
}

/* A stretch of queries [query, query + M) of head h of sequence b. */
struct query_block {
    int64_t b, h, query, M;
};

/* Keys [key, key + N), packed, against the stripe of queries that begins `from` queries within the
 * block: S^T = K Q^T, then O^T = decay O^T + V^T P^T. */
static void attend_stripe(const struct attention_job *job, int thread,
                          const struct forward_scratch *s, const struct query_block *q,
                          int64_t from, int64_t key, int64_t N)
{
    const struct attention *a = job->attention;
    const struct softmax_loops *softmax = job->kernels->table->softmax;
    const enum element element = job->kernels->element;
    void (*multiply)(const struct tile_product *) = job->kernels->tiles[element].multiply;
    const int64_t side = tile_depth(element), HD = whole_tiles(a->head_dim);
    const int64_t depth = tiles_across(a->head_dim, side);
    const struct score_stripe stripe =
        stripe_of(a, q->b, q->query + from, smaller(q->M - from, STRIPE), key, N, s->scores);
    const struct tile_product scores = { .A = s->keys,
                                         .A_stride = depth,
                                         .B = s->queries + from / TILE_SIDE * depth * TILE_UNITS,
                                         .B_stride = depth,
                                         .rows = whole_tiles(stripe.keys),
                                         .columns = STRIPE,
                                         .depth = depth,
                                         .C = s->scores,
                                         .ldc = STRIPE };
    multiply(&scores);

    const int64_t key_tiles = tiles_across(stripe.keys, side);
    const bool begins = key == first_block(a, q->b, q->query + from, KEYS);
    real *out = s->out + from * HD;
    if (softmax->online_stripe(element, &stripe, s->row_max + from, s->row_sum + from, s->factors,
                               s->weights, key_tiles) &&
        !begins)
        softmax->scale_stripe(out, HD, s->factors);
    const struct tile_product product = { .A = s->values,
                                          .A_stride = tiles_across(N, side),
                                          .B = s->weights,
                                          .B_stride = key_tiles,
                                          .rows = HD,
                                          .columns = STRIPE,
                                          .depth = key_tiles,
                                          .C = out,
                                          .ldc = STRIPE,
                                          .add = !begins };
    multiply(&product);
    count_products(job->kernels, thread, 2, smaller(q->M - from, STRIPE), stripe.keys, a->head_dim);
}

static void attend_keys(const struct attention_job *job, int thread,
                        const struct forward_scratch *s, const struct query_block *q, int64_t key,
                        int64_t N)
{
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->kernels;
    const int64_t HD = a->head_dim, g = q->h / group_size(a);
    pack_left(kernels, key_rows(a, a->keys, q->b, g, key), a->element, a->kv_stride, false, N, HD,
              s->keys);
    pack_left(kernels, key_rows(a, a->values, q->b, g, key), a->element, a->kv_stride, true, HD, N,
              s->values);
    for (int64_t from = blind_queries(a, q->query, key);
         from < q->M && !is_over(a, q->b, q->query + from, key + N); from += STRIPE)
        attend_stripe(job, thread, s, q, from, key, N);
}

static void begin_rows(const struct forward_scratch *s, int64_t M)
{
    for (int64_t r = 0; r < M; r++) {
        s->row_max[r] = -FLT_MAX;
        s->row_sum[r] = 0;
    }
}

static void finish_rows(const struct attention_job *job, const struct forward_scratch *s,
                        const struct query_block *q)
{
    const struct attention *a = job->attention;
    const struct softmax_loops *softmax = job->kernels->table->softmax;
    softmax->logsumexp(s->row_max, s->row_sum,
                       a->logsumexp + (q->b * a->heads + q->h) * a->T + q->query, q->M);
    for (int64_t from = 0; from < q->M; from += STRIPE) {
        const int64_t at = out_index(a, q->b, q->h, q->query + from);
        for (int64_t j = 0; j < STRIPE; j++)
            s->factors[j] = 1 / s->row_sum[from + j];
        softmax->store_stripe(s->out + from * whole_tiles(a->head_dim), a->head_dim, s->factors,
                              a->element, (char *)a->out + at * element_bytes(a->element),
                              a->heads * a->head_dim, smaller(q->M - from, STRIPE));
    }
}

/* Keys are packed for each block of queries: the larger these are, the better, as long as there are
 * blocks for all threads. Bits do not depend on it, as a query is a lane. */
static int64_t queries_of_block(const struct attention_job *job)
{
    const struct attention *a = job->attention;
    const int64_t wanted = 2 * thread_pool_size(job->kernels->pool);
    int64_t queries = MOST_QUERIES;
    while (queries > LEAST_QUERIES &&
           (queries >= 2 * a->T || a->B * a->heads * tiles_across(a->T, queries) < wanted))
        queries /= 2;
    return queries;
}

/* One block of queries of one head of one sequence against all keys that they see. */
static void query_block_forward(void *context, int64_t block, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const int64_t queries = queries_of_block(job), blocks = tiles_across(a->T, queries);
    struct query_block q = { .b = block / blocks / a->heads, .h = block / blocks % a->heads };
    struct forward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].reserved, queries, a->head_dim,
                 job->kernels->element);

    /* The longest walks first: the threads end together. */
    q.query = (blocks - 1 - block % blocks) * queries;
    q.M = smaller(a->T - q.query, queries);
    pack_stripes(job->kernels, query_rows(a, q.b, q.h, q.query), a->element, a->query_stride, q.M,
                 a->head_dim, s.queries);
    begin_rows(&s, queries);
    const int64_t end = visible_keys(a, q.query + q.M);
    for (int64_t key = first_block(a, q.b, q.query, KEYS); key < end; key += KEYS)
        attend_keys(job, thread, &s, &q, key, smaller(end - key, KEYS));
    finish_rows(job, &s, &q);
}

/* A decoder's token: nothing to pack, the keys are read once, where they lie. */
static void single_query_forward(void *context, int64_t h, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct kernel_table *table = job->kernels->table;
    const int64_t HD = a->head_dim, g = h / group_size(a);
    const real scale = 1 / real_sqrt((real)HD);
    struct forward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].reserved, STRIPE, HD, ELEMENT_REAL);

    begin_rows(&s, 1);
    memset(s.out, 0, (size_t)HD * sizeof(real));
    const int64_t end = visible_keys(a, 1);
    for (int64_t key = 0; key < end; key += KEYS) {
        const int64_t N = smaller(end - key, KEYS);
        table->vector->vector_product(query_rows(a, 0, h, 0), key_rows(a, a->keys, 0, g, key),
                                      a->kv_stride, true, s.scores, N, HD, false);
        const real decay = table->softmax->online_row(s.scores, (struct key_range){ 0, N }, N,
                                                      scale, s.row_max, s.row_sum);
        if (decay != 1)
            table->vector->scale(s.out, decay, HD);
        table->vector->vector_product(s.scores, key_rows(a, a->values, 0, g, key), a->kv_stride,
                                      false, s.out, HD, N, true);
        job->kernels->scratch->threads[thread].flops += 4 * N * HD;
    }
    table->vector->scale(s.out, 1 / *s.row_sum, HD);
    memcpy((real *)a->out + h * HD, s.out, (size_t)HD * sizeof(real));
    a->logsumexp[h] = *s.row_max + real_log(*s.row_sum);
}

void attention_forward(struct kernels *kernels, const struct attention *attention)
{
    const struct attention *a = attention;
    struct attention_job job = { kernels, a, NULL };
    struct forward_scratch none;
    if (a->B == 1 && a->T == 1 && a->element == ELEMENT_REAL) {
        kernel_scratch_reserve(kernels,
                               plan_scratch(&none, NULL, STRIPE, a->head_dim, ELEMENT_REAL));
        kernels_run(kernels, KERNEL_ATTENTION_FORWARD, a->heads, single_query_forward, &job);
        return;
    }
    const int64_t queries = queries_of_block(&job);
    kernel_scratch_reserve(kernels,
                           plan_scratch(&none, NULL, queries, a->head_dim, kernels->element));
    kernels_run(kernels, KERNEL_ATTENTION_FORWARD, a->B * a->heads * tiles_across(a->T, queries),
                query_block_forward, &job);
}
