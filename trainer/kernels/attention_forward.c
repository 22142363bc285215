#include "trainer/kernels/attention_blocks.h"

#include <float.h>
#include <string.h>

#include "base/portable_math.h"
#include "trainer/kernels/loops/real_math.h"
#include "trainer/kernels/product.h"

/* 256 x 128 floats of scores, and as many of their tiles, stay in a core's second-level cache. */
enum { QUERIES = 256, KEYS = 128 };

struct forward_scratch {
    real *queries;           /* left tiles [QUERIES,HD] */
    real *keys, *values;     /* right tiles [HD,KEYS] of the transposed keys, [KEYS,HD] */
    real *weights;           /* left tiles [QUERIES,KEYS] */
    real *scores;            /* [QUERIES,KEYS] */
    real *out;               /* [QUERIES,HD] */
    real *row_max, *row_sum; /* [QUERIES] */
};

static size_t plan_scratch(struct forward_scratch *s, char *base, int64_t HD, enum element element)
{
    struct scratch_plan plan = { base, 0 };
    s->queries = take_reals(&plan, tile_units(QUERIES, HD, element));
    s->keys = take_reals(&plan, tile_units(KEYS, HD, element));
    s->values = take_reals(&plan, tile_units(HD, KEYS, element));
    s->weights = take_reals(&plan, tile_units(QUERIES, KEYS, element));
    s->scores = take_reals(&plan, QUERIES * KEYS);
    s->out = take_reals(&plan, QUERIES * HD);
    s->row_max = take_reals(&plan, QUERIES);
    s->row_sum = take_reals(&plan, QUERIES);
    return plan.bytes;
}

/* A stretch of queries [query, query + M) of head h of sequence b. */
struct query_block {
    int64_t b, h, query, M;
};

/* The scores of rows [from, M) become weights; what these rows summed before, decays. */
static void weigh_scores(const struct attention_job *job, const struct forward_scratch *s,
                         const struct query_block *q, int64_t from, int64_t key, int64_t N)
{
    const struct attention *a = job->attention;
    const struct kernel_table *table = job->kernels->table;
    const real scale = 1 / real_sqrt((real)a->head_dim);
    for (int64_t r = from; r < q->M; r++) {
        const struct key_range seen = { first_key(a, q->b, q->query + r) - key,
                                        visible_keys(a, q->query + r + 1) - key };
        real decay = table->softmax->online_row(s->scores + r * KEYS, seen, N, scale,
                                                &s->row_max[r], &s->row_sum[r]);
        if (decay != 1)
            table->vector->scale(s->out + r * a->head_dim, decay, a->head_dim);
    }
}

/* out = decay out + weights V for one block of keys. */
static void attend_keys(const struct attention_job *job, int thread,
                        const struct forward_scratch *s, const struct query_block *q, int64_t key,
                        int64_t N)
{
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->kernels;
    const int64_t HD = a->head_dim, g = q->h / group_size(a);
    const int64_t from = blind_rows(a, q->query, key), M = q->M - from;
    const int64_t query_tiles = tile_units(TILE_SIDE, HD, kernels->element) / TILE_SIDE;

    pack_right(kernels, key_rows(a, a->keys, q->b, g, key), a->element, a->kv_stride, true, HD, N,
               s->keys);
    const struct block_product scores = { .A = s->queries + from * query_tiles,
                                          .B = s->keys,
                                          .rows = M,
                                          .columns = N,
                                          .depth = HD,
                                          .B_depth = HD,
                                          .C = s->scores + from * KEYS,
                                          .ldc = KEYS };
    multiply_tiles(job->kernels, thread, &scores);
    weigh_scores(job, s, q, from, key, N);

    pack_left(kernels, s->scores + from * KEYS, ELEMENT_REAL, KEYS, false, M, N, s->weights);
    pack_right(kernels, key_rows(a, a->values, q->b, g, key), a->element, a->kv_stride, false, N,
               HD, s->values);
    const struct block_product out = { .A = s->weights,
                                       .B = s->values,
                                       .rows = M,
                                       .columns = HD,
                                       .depth = N,
                                       .B_depth = N,
                                       .C = s->out + from * HD,
                                       .ldc = HD,
                                       .add = true };
    multiply_tiles(job->kernels, thread, &out);
}

static void begin_rows(const struct attention *a, const struct forward_scratch *s, int64_t M)
{
    memset(s->out, 0, (size_t)(M * a->head_dim) * sizeof(real));
    for (int64_t r = 0; r < M; r++) {
        s->row_max[r] = -FLT_MAX;
        s->row_sum[r] = 0;
    }
}

static void finish_rows(const struct attention_job *job, const struct forward_scratch *s,
                        const struct query_block *q)
{
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->kernels;
    for (int64_t r = 0; r < q->M; r++) {
        real *out = s->out + r * a->head_dim;
        const int64_t at = out_index(a, q->b, q->h, q->query + r);
        kernels->table->vector->scale(out, 1 / s->row_sum[r], a->head_dim);
        kernels->tiles[a->element].store(out, (char *)a->out + at * element_bytes(a->element),
                                         a->head_dim);
        a->logsumexp[(q->b * a->heads + q->h) * a->T + q->query + r] =
            (real)((double)s->row_max[r] + portable_log((double)s->row_sum[r]));
    }
}

/* One block of queries of one head of one sequence against all keys that they see. */
static void query_block_forward(void *context, int64_t block, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const int64_t blocks = tiles_across(a->T, QUERIES);
    struct query_block q = { .b = block / blocks / a->heads, .h = block / blocks % a->heads };
    struct forward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].attention, a->head_dim,
                 job->kernels->element);

    /* The longest walks first: the threads end together. */
    q.query = (blocks - 1 - block % blocks) * QUERIES;
    q.M = smaller(a->T - q.query, QUERIES);
    pack_left(job->kernels, query_rows(a, q.b, q.h, q.query), a->element, a->query_stride, false,
              q.M, a->head_dim, s.queries);
    begin_rows(a, &s, q.M);
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
    const struct query_block q = { .h = h, .M = 1 };
    struct forward_scratch s;
    plan_scratch(&s, job->kernels->scratch->threads[thread].attention, HD, ELEMENT_REAL);

    begin_rows(a, &s, 1);
    const int64_t end = visible_keys(a, 1);
    for (int64_t key = 0; key < end; key += KEYS) {
        const int64_t N = smaller(end - key, KEYS);
        table->vector->vector_product(query_rows(a, 0, h, 0), key_rows(a, a->keys, 0, g, key),
                                      a->kv_stride, true, s.scores, N, HD, false);
        weigh_scores(job, &s, &q, 0, key, N);
        table->vector->vector_product(s.scores, key_rows(a, a->values, 0, g, key), a->kv_stride,
                                      false, s.out, HD, N, true);
        job->kernels->scratch->threads[thread].flops += 4 * N * HD;
    }
    finish_rows(job, &s, &q);
}

void attention_forward(struct kernels *kernels, const struct attention *attention)
{
    const struct attention *a = attention;
    struct attention_job job = { kernels, a, NULL };
    struct forward_scratch none;
    const bool is_single = a->B == 1 && a->T == 1 && a->element == ELEMENT_REAL;
    kernel_scratch_reserve(kernels, plan_scratch(&none, NULL, a->head_dim,
                                                 is_single ? ELEMENT_REAL : kernels->element));
    if (is_single)
        kernels_run(kernels, KERNEL_ATTENTION_FORWARD, a->heads, single_query_forward, &job);
    else
        kernels_run(kernels, KERNEL_ATTENTION_FORWARD,
                    a->B * a->heads * tiles_across(a->T, QUERIES), query_block_forward, &job);
}
