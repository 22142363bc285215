/* With P = softmax(scale Q K^T) and O = P V:
 *   dV = P^T dO,   dP = dO V^T,   dS = scale P (dP - rowsum(dO O)),   dQ = dS K,   dK = dS^T Q
 * because rowsum(dP P) = rowsum(dO O) (Dao et al. 2022, appendix B). */
#include "trainer/kernels/attention_blocks.h"

#include "base/status.h"
#include "trainer/kernels/loops/real_math.h"
#include "trainer/kernels/product.h"

/* One query head of one sequence, with the gradients of its group's key-value head. */
struct head {
    const real *queries, *keys, *values, *out, *dout, *logsumexp;
    real *dqueries, *dkeys, *dvalues;
    real scale;
};

struct attention_job {
    struct kernels *kernels;
    const struct attention *attention;
    const struct attention_gradient *gradient;
};

/* P into own->scores, from forward's logsumexp. */
static void block_probabilities(const struct attention_job *job, int thread,
                                const struct head *head, const struct score_block *block)
{
    const struct attention *a = job->attention;
    struct kernel_thread *own = &job->kernels->scratch->threads[thread];
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
    for (int64_t r = 0; r < block->M; r++)
        job->kernels->table->softmax->probability_row(own->scores + r * block->N, block->reach + r,
                                                      block->N, head->scale,
                                                      head->logsumexp[block->query + r]);
}

/* dS into own->score_gradients; own->row_sum holds rowsum(dO O). */
static void block_score_gradients(const struct attention_job *job, int thread,
                                  const struct head *head, const struct score_block *block)
{
    const struct attention *a = job->attention;
    struct kernel_thread *own = &job->kernels->scratch->threads[thread];
    const int64_t width = a->heads * a->head_dim;
    /* dP[M,N] = dO[M,HD] V[N,HD]^T */
    struct product dprobabilities = { .M = block->M,
                                      .N = block->N,
                                      .K = a->head_dim,
                                      .A = head->dout + block->query * width,
                                      .lda = width,
                                      .B = head->values + block->key * a->kv_stride,
                                      .ldb = a->kv_stride,
                                      .B_transposed = true,
                                      .C = own->score_gradients,
                                      .ldc = block->N };
    kernels_thread_product(job->kernels, thread, &dprobabilities);
    for (int64_t r = 0; r < block->M; r++)
        job->kernels->table->softmax->score_gradient_row(own->score_gradients + r * block->N,
                                                         own->scores + r * block->N, block->N,
                                                         own->row_sum[r], head->scale);
}

/* out[N,HD] += X[M,N]^T Y[M,HD]: what the block's keys or values get. */
static void add_to_keys(const struct attention_job *job, int thread,
                        const struct score_block *block, const real *X, const real *Y, int64_t ldy,
                        real *out)
{
    const struct attention *a = job->attention;
    struct product product = { .M = block->N,
                               .N = a->head_dim,
                               .K = block->M,
                               .A = X,
                               .lda = block->N,
                               .A_transposed = true,
                               .B = Y,
                               .ldb = ldy,
                               .C = out + block->key * a->kv_stride,
                               .ldc = a->kv_stride,
                               .add = true };
    kernels_thread_product(job->kernels, thread, &product);
}

static void block_backward(const struct attention_job *job, int thread, const struct head *head,
                           const struct score_block *block)
{
    const struct attention *a = job->attention;
    struct kernel_thread *own = &job->kernels->scratch->threads[thread];
    const int64_t width = a->heads * a->head_dim;

    block_probabilities(job, thread, head, block);
    add_to_keys(job, thread, block, own->scores, head->dout + block->query * width, width,
                head->dvalues);
    block_score_gradients(job, thread, head, block);
    add_to_keys(job, thread, block, own->score_gradients,
                head->queries + block->query * a->query_stride, a->query_stride, head->dkeys);
    /* dQ[M,HD] += dS[M,N] K[N,HD] */
    struct product dqueries = { .M = block->M,
                                .N = a->head_dim,
                                .K = block->N,
                                .A = own->score_gradients,
                                .lda = block->N,
                                .B = head->keys + block->key * a->kv_stride,
                                .ldb = a->kv_stride,
                                .C = head->dqueries + block->query * a->query_stride,
                                .ldc = a->query_stride,
                                .add = block->key > 0 };
    kernels_thread_product(job->kernels, thread, &dqueries);
}

static void head_backward(const struct attention_job *job, int thread, const struct head *head)
{
    const struct attention *a = job->attention;
    struct kernel_thread *own = &job->kernels->scratch->threads[thread];
    const int64_t width = a->heads * a->head_dim;
    for (int64_t query = 0; query < a->T; query += ATTENTION_QUERIES) {
        struct score_block block = score_block_at(a, query, 0);
        for (int64_t r = 0; r < block.M; r++)
            own->row_sum[r] = job->kernels->table->vector->dot(
                head->dout + (query + r) * width, head->out + (query + r) * width, a->head_dim);
        const int64_t end = visible_keys(a, query, block.M);
        for (int64_t key = 0; key < end; key += ATTENTION_KEYS) {
            block = score_block_at(a, query, key);
            block_backward(job, thread, head, &block);
        }
    }
}

static void clear_head(real *rows, int64_t count, int64_t stride, int64_t HD)
{
    for (int64_t t = 0; t < count; t++)
        for (int64_t i = 0; i < HD; i++)
            rows[t * stride + i] = 0;
}

/* Block (b, g): the key-value head's gradients sum over its query heads, in their order. */
static void group_backward(void *context, int64_t block, int thread)
{
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct attention_gradient *d = job->gradient;
    const int64_t b = block / a->kv_heads, g = block % a->kv_heads, HD = a->head_dim;
    const int64_t group = a->heads / a->kv_heads;
    const int64_t kv = b * a->T * a->kv_stride + g * HD;
    clear_head(d->dkeys + kv, a->T, a->kv_stride, HD);
    clear_head(d->dvalues + kv, a->T, a->kv_stride, HD);
    for (int64_t h = g * group; h < (g + 1) * group; h++) {
        const int64_t query = b * a->T * a->query_stride + h * HD;
        const int64_t dense = b * a->T * a->heads * HD + h * HD;
        struct head head = {
            .queries = a->queries + query,
            .keys = a->keys + kv,
            .values = a->values + kv,
            .out = a->out + dense,
            .dout = d->dout + dense,
            .logsumexp = a->logsumexp + (b * a->heads + h) * a->T,
            .dqueries = d->dqueries + query,
            .dkeys = d->dkeys + kv,
            .dvalues = d->dvalues + kv,
            .scale = 1 / real_sqrt((real)HD),
        };
        head_backward(job, thread, &head);
    }
}

void attention_backward(struct kernels *kernels, const struct attention *attention,
                        const struct attention_gradient *gradient)
{
    CHECK(attention->past == 0, "attention's backward pass needs all queries, but %lld are past",
          (long long)attention->past);
    struct attention_job job = { kernels, attention, gradient };
    kernels_run(kernels, KERNEL_ATTENTION_BACKWARD, attention->B * attention->kv_heads,
                group_backward, &job);
}
