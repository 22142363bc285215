/* Attention of every kernel set against sums in double, at ragged sizes, within documents and
 * over a cache; and the same bits for every number of threads and in all sets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/attention.h"

struct shape {
    int64_t B, T, past, heads, kv_heads, head_dim;
    int64_t document; /* tokens in each; 0: no documents */
};

static const struct shape shapes[] = {
    { 1, 1, 0, 1, 1, 8, 0 },     { 1, 1, 300, 4, 2, 64, 0 },    { 2, 15, 0, 2, 2, 24, 0 },
    { 1, 16, 0, 2, 1, 80, 0 },   { 1, 17, 40, 2, 2, 8, 0 },     { 2, 127, 0, 2, 1, 64, 0 },
    { 1, 129, 0, 3, 1, 16, 50 }, { 1, 300, 0, 2, 2, 64, 7 },    { 1, 520, 0, 4, 2, 33, 200 },
    { 1, 1100, 0, 2, 1, 8, 0 },  { 1, 2090, 0, 2, 1, 8, 1050 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct sample {
    struct attention attention;
    struct attention_gradient gradient;
    int64_t out_count, query_count, key_count;
    float *queries, *keys, *values, *dout;               /* inputs */
    float *out, *logsumexp, *dqueries, *dkeys, *dvalues; /* outputs */
    int32_t *document_starts;
};

static float *random_floats(uint64_t index, int64_t count)
{
    struct philox_key key = philox_key(5, RANDOM_TEST);
    float *values = memory_alloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)philox_normal(key, index, (uint64_t)i);
    return values;
}

static void sample_init(struct sample *s, const struct shape *shape)
{
    const int64_t HD = shape->head_dim, keys = shape->B * (shape->past + shape->T);
    const int64_t query_stride = shape->heads * HD + 3, kv_stride = shape->kv_heads * HD + 5;
    memset(s, 0, sizeof *s);
    s->out_count = shape->B * shape->T * shape->heads * HD;
    s->query_count = shape->B * shape->T * query_stride;
    s->key_count = keys * kv_stride;
    s->queries = random_floats(0, s->query_count);
    s->keys = random_floats(1, s->key_count);
    s->values = random_floats(2, s->key_count);
    s->dout = random_floats(3, s->out_count);
    s->out = memory_alloc_zeroed((size_t)s->out_count, sizeof(float));
    s->logsumexp = memory_alloc_zeroed((size_t)(shape->B * shape->heads * shape->T), sizeof(float));
    s->dqueries = memory_alloc_zeroed((size_t)s->query_count, sizeof(float));
    s->dkeys = memory_alloc_zeroed((size_t)s->key_count, sizeof(float));
    s->dvalues = memory_alloc_zeroed((size_t)s->key_count, sizeof(float));
    s->document_starts = memory_alloc_zeroed((size_t)(shape->B * shape->T), sizeof(int32_t));
    for (int64_t i = 0; shape->document && i < shape->B * shape->T; i++)
        s->document_starts[i] = (int32_t)(i % shape->T / shape->document * shape->document);
    s->attention =
        (struct attention){ .B = shape->B,
                            .T = shape->T,
                            .past = shape->past,
                            .heads = shape->heads,
                            .kv_heads = shape->kv_heads,
                            .head_dim = HD,
                            .queries = s->queries,
                            .query_stride = query_stride,
                            .keys = s->keys,
                            .values = s->values,
                            .kv_stride = kv_stride,
                            .out = s->out,
                            .logsumexp = s->logsumexp,
                            .document_starts = shape->document ? s->document_starts : NULL };
    s->gradient = (struct attention_gradient){ s->dout, s->dqueries, s->dkeys, s->dvalues };
}

static void sample_release(struct sample *s)
{
    float *all[] = { s->queries,   s->keys,     s->values, s->dout,   s->out,
                     s->logsumexp, s->dqueries, s->dkeys,  s->dvalues };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_free(all[i]);
    memory_free(s->document_starts);
}

static void run(struct sample *s, const char *set, int threads, enum element element)
{
    struct kernels kernels;
    assert_int_equal(kernels_open(&kernels, set, threads), STATUS_OK);
    kernels_set_element(&kernels, element);
    attention_forward(&kernels, &s->attention);
    if (s->attention.past == 0)
        attention_backward(&kernels, &s->attention, &s->gradient);
    kernels_close(&kernels);
}

static double dot(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* One query's probabilities over all keys, and its row of the output, in double. */
struct expected_row {
    double *p, *out;
    int64_t first, end;
};

static void expect_row(const struct sample *s, int64_t b, int64_t h, int64_t t,
                       struct expected_row *row)
{
    const struct attention *a = &s->attention;
    const int64_t HD = a->head_dim, g = h / (a->heads / a->kv_heads);
    const float *q = s->queries + (b * a->T + t) * a->query_stride + h * HD;
    const int64_t base = b * (a->past + a->T);
    double sum = 0;
    row->first = s->document_starts[b * a->T + t];
    row->end = a->past + t + 1;
    for (int64_t k = row->first; k < row->end; k++) {
        const float *key = s->keys + (base + k) * a->kv_stride + g * HD;
        row->p[k] = exp(dot(q, key, HD) / sqrt((double)HD));
        sum += row->p[k];
    }
    memset(row->out, 0, (size_t)HD * sizeof(double));
    for (int64_t k = row->first; k < row->end; k++) {
        row->p[k] /= sum;
        for (int64_t i = 0; i < HD; i++)
            row->out[i] += row->p[k] * (double)s->values[(base + k) * a->kv_stride + g * HD + i];
    }
}

/* Adds what this row's loss gives to the gradients. */
static void expect_gradients(const struct sample *s, int64_t b, int64_t h, int64_t t,
                             const struct expected_row *row, double *dq, double *dk, double *dv)
{
    const struct attention *a = &s->attention;
    const int64_t HD = a->head_dim, g = h / (a->heads / a->kv_heads), base = b * a->T;
    const float *dout = s->dout + ((base + t) * a->heads + h) * HD;
    const int64_t q_at = (base + t) * a->query_stride + h * HD;
    double along = 0;
    for (int64_t i = 0; i < HD; i++)
        along += row->out[i] * (double)dout[i];
    for (int64_t k = row->first; k < row->end; k++) {
        const int64_t k_at = (base + k) * a->kv_stride + g * HD;
        double dp = dot(dout, s->values + k_at, HD);
        double ds = row->p[k] * (dp - along) / sqrt((double)HD);
        for (int64_t i = 0; i < HD; i++) {
            dv[k_at + i] += row->p[k] * (double)dout[i];
            dq[q_at + i] += ds * (double)s->keys[k_at + i];
            dk[k_at + i] += ds * (double)s->queries[q_at + i];
        }
    }
}

static void expect_near(const char *what, const char *set, const float *got, const double *want,
                        int64_t count, double tolerance)
{
    double worst = 0, largest = 1; /* inputs are about 1 */
    for (int64_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)got[i] - want[i]));
        largest = fmax(largest, fabs(want[i]));
    }
    if (!(worst <= tolerance * largest))
        fail_msg("set '%s', %s: error %g of the largest, %g", set, what, worst / largest, largest);
}

static void check_against_double(const struct shape *shape, const char *set, enum element element,
                                 double tolerance)
{
    struct sample s;
    sample_init(&s, shape);
    run(&s, set, 2, element);
    double *out = memory_alloc_zeroed((size_t)s.out_count, sizeof(double));
    double *dq = memory_alloc_zeroed((size_t)s.query_count, sizeof(double));
    double *dk = memory_alloc_zeroed((size_t)s.key_count, sizeof(double));
    double *dv = memory_alloc_zeroed((size_t)s.key_count, sizeof(double));
    struct expected_row row = { .p = memory_alloc_zeroed((size_t)s.key_count, sizeof(double)) };
    for (int64_t b = 0; b < shape->B; b++)
        for (int64_t t = 0; t < shape->T; t++)
            for (int64_t h = 0; h < shape->heads; h++) {
                row.out = out + ((b * shape->T + t) * shape->heads + h) * shape->head_dim;
                expect_row(&s, b, h, t, &row);
                if (shape->past == 0)
                    expect_gradients(&s, b, h, t, &row, dq, dk, dv);
            }
    expect_near("out", set, s.out, out, s.out_count, tolerance);
    if (shape->past == 0) {
        expect_near("dqueries", set, s.dqueries, dq, s.query_count, tolerance);
        expect_near("dkeys", set, s.dkeys, dk, s.key_count, tolerance);
        expect_near("dvalues", set, s.dvalues, dv, s.key_count, tolerance);
    }
    memory_free(row.p);
    memory_free(out);
    memory_free(dq);
    memory_free(dk);
    memory_free(dv);
    sample_release(&s);
}

static void every_set_is_near_the_sums_in_double(void **state)
{
    (void)state;
    for (int set = 0; kernel_set_names[set]; set++)
        for (int i = 0; kernel_set_runs_here(kernel_set_names[set]) && i < SHAPES; i++) {
            check_against_double(&shapes[i], kernel_set_names[set], ELEMENT_REAL, 3e-6);
            check_against_double(&shapes[i], kernel_set_names[set], ELEMENT_BF16, 2e-2);
        }
}

static void expect_equal(const struct sample *one, const struct sample *other, const char *what)
{
    if (memcmp(one->out, other->out, (size_t)one->out_count * sizeof(float)) != 0 ||
        memcmp(one->dqueries, other->dqueries, (size_t)one->query_count * sizeof(float)) != 0 ||
        memcmp(one->dkeys, other->dkeys, (size_t)one->key_count * sizeof(float)) != 0 ||
        memcmp(one->dvalues, other->dvalues, (size_t)one->key_count * sizeof(float)) != 0)
        fail_msg("bits differ: %s", what);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (int element = 0; element < ELEMENTS; element++) {
            struct sample one, more;
            sample_init(&one, &shapes[i]);
            run(&one, "auto", 1, (enum element)element);
            for (int threads = 2; threads <= 5; threads++) {
                sample_init(&more, &shapes[i]);
                run(&more, "auto", threads, (enum element)element);
                expect_equal(&one, &more, "threads");
                sample_release(&more);
            }
            sample_release(&one);
        }
}

static void avx2_and_avx512_give_equal_bits(void **state)
{
    (void)state;
    if (!kernel_set_runs_here("avx2") || !kernel_set_runs_here("avx512"))
        skip();
    for (int i = 0; i < SHAPES; i++)
        for (int element = 0; element < ELEMENTS; element++) {
            struct sample one, other;
            sample_init(&one, &shapes[i]);
            sample_init(&other, &shapes[i]);
            run(&one, "avx2", 2, (enum element)element);
            run(&other, "avx512", 2, (enum element)element);
            expect_equal(&one, &other, "sets");
            sample_release(&one);
            sample_release(&other);
        }
}

/* A document's rows are those that it has alone: the blocks that it shares do not matter. */
static void a_document_sees_itself_alone(void **state)
{
    (void)state;
    const struct shape both = { 1, 256, 0, 2, 1, 32, 128 }, single = { 1, 128, 0, 2, 1, 32, 0 };
    struct sample together, alone;
    sample_init(&together, &both);
    sample_init(&alone, &single);
    const int64_t second = 128 * single.heads * single.head_dim;
    memcpy(alone.queries, together.queries + 128 * together.attention.query_stride,
           (size_t)alone.query_count * sizeof(float));
    memcpy(alone.keys, together.keys + 128 * together.attention.kv_stride,
           (size_t)alone.key_count * sizeof(float));
    memcpy(alone.values, together.values + 128 * together.attention.kv_stride,
           (size_t)alone.key_count * sizeof(float));
    run(&together, "auto", 2, ELEMENT_REAL);
    run(&alone, "auto", 2, ELEMENT_REAL);
    assert_memory_equal(together.out + second, alone.out, (size_t)second * sizeof(float));
    sample_release(&together);
    sample_release(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_is_near_the_sums_in_double),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(avx2_and_avx512_give_equal_bits),
        cmocka_unit_test(a_document_sees_itself_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
