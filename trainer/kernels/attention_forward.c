#include "trainer/kernels/attention_blocks.h"

#include "base/portable_math.h"
#include "trainer/kernels/loops/real_math.h"
#include "trainer/kernels/product.h"

/* One query head of one sequence. */
struct head {
    const real *queries, *keys, *values;
    real *out, *logsumexp;
    real scale; /* 1 / sqrt(HD) */
};

struct attention_job {
    struct kernels *kernels;
    const struct attention *attention;
};

/* out = decay out + P V for one block; the softmax's running sums take the block in. */
static void take_block(const struct attention_job *job, int thread, const struct head *head,
                       const struct score_block *block)
{
    const struct attention *a = job->attention;
    const struct kernel_table *table = job->kernels->table;
    struct kernel_thread *own = &job->kernels->scratch->threads[thread];
    const int64_t width = a->heads * a->head_dim;
    const bool first = block->key == 0;
    real *out = head->out + block->query * width;

    /* S[M,N] = Q[M,HD] K[N,HD]^T */
    struct product scores = { .M = block->M,
                              .N = block->N,
                              .K = a->head_dim,
                              .A = head->queries + block->query * a->query_stride,
                              .lda = a->query_stride,
                              .B = head->keys + block->key * a->kv_stride,
                              .ldb = a->kv_stride,
                              .B_transposed = true,
                              .C = own->scores,
                              .ldc = block->N };
    kernels_thread_product(job->kernels, thread, &scores);

    for (int64_t r = 0; r < block->M; r++) {
        real decay =
            table->softmax->online_row(own->scores + r * block->N, block->reach + r, block->N,
                                       head->scale, &own->row_max[r], &own->row_sum[r], first);
        if (!first)
            table->vector->scale(out + r * width, decay, a->head_dim);
    }

    /* out[M,HD] += P[M,N] V[N,HD] */
    struct product weighted = { .M = block->M,
                                .N = a->head_dim,
                                .K = block->N,
                                .A = own->scores,
                                .lda = block->N,
                                .B = head->values + block->key * a->kv_stride,
                                .ldb = a->kv_stride,
                                .C = out,
                                .ldc = width,
                                .add = !first };
    kernels_thread_product(job->kernels, thread, &weighted);
}

static void finish_rows(const struct attention_job *job, int thread, const struct head *head,
                        const struct score_block *block)
{
    const struct attention *a = job->attention;
    const struct kernel_thread *own = &job->kernels->scratch->threads[thread];
    const int64_t width = a->heads * a->head_dim;
    for (int64_t r = 0; r < block->M; r++) {
        int64_t query = block->query + r;
        job->kernels->table->vector->scale(head->out + query * width, 1 / own->row_sum[r],
                                           a->head_dim);
        head->logsumexp[query] =
            (real)((double)own->row_max[r] + portable_log((double)own->row_sum[r]));
    }
}

static void head_forward(const struct attention_job *job, int thread, const struct head *head)
{
    const struct attention *a = job->attention;
    for (int64_t query = 0; query < a->T; query += ATTENTION_QUERIES) {
        struct score_block block = score_block_at(a, query, 0);
        const int64_t end = visible_keys(a, query, block.M);
        for (int64_t key = 0; key < end; key += ATTENTION_KEYS) {
            block = score_block_at(a, query, key);
            take_block(job, thread, head, &block);
        }
        finish_rows(job, thread, head, &block);
    }
}

/* Block (b, g): all query heads that share key-value head g of sequence b. */
static void group_forward(void *context, int64_t block, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const int64_t b = block / a->kv_heads, g = block % a->kv_heads, HD = a->head_dim;
    const int64_t group = a->heads / a->kv_heads, keys = a->past + a->T;
    for (int64_t h = g * group; h < (g + 1) * group; h++) {
        struct head head = {
            .queries = a->queries + b * a->T * a->query_stride + h * HD,
            .keys = a->keys + b * keys * a->kv_stride + g * HD,
            .values = a->values + b * keys * a->kv_stride + g * HD,
            .out = a->out + b * a->T * a->heads * HD + h * HD,
            .logsumexp = a->logsumexp + (b * a->heads + h) * a->T,
            .scale = 1 / real_sqrt((real)HD),
        };
        head_forward(job, thread, &head);
    }
}

void attention_forward(struct kernels *kernels, const struct attention *attention)
{
    struct attention_job job = { kernels, attention };
    kernels_run(kernels, KERNEL_ATTENTION_FORWARD, attention->B * attention->kv_heads,
                group_forward, &job);
}
