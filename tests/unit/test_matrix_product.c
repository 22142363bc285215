/* The matrix product of every kernel set, against sums in double and by algebraic identities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/product.h"

enum { MOST_SETS = 8, PAD = 3 };

static struct kernels opened[MOST_SETS];
static int opened_count;

/* Storage of a product whose rows are PAD elements longer than they need to be. */
struct sample {
    struct product product;
    float *A, *B, *C, *bias, *residual;
};

static float *random_floats(uint64_t stream, int64_t count)
{
    float *values = memory_alloc_zeroed((size_t)count, sizeof(float));
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)philox_normal(philox_key(5, RANDOM_TEST), stream, (uint64_t)i);
    return values;
}

static struct sample make_sample(int64_t M, int64_t N, int64_t K, bool A_transposed,
                                 bool B_transposed)
{
    struct sample s;
    const int64_t lda = (A_transposed ? M : K) + PAD, ldb = (B_transposed ? K : N) + PAD;
    s.A = random_floats(1, (A_transposed ? K : M) * lda);
    s.B = random_floats(2, (B_transposed ? N : K) * ldb);
    s.C = random_floats(3, M * (N + PAD));
    s.bias = random_floats(4, N);
    s.residual = random_floats(5, M * N);
    s.product = (struct product){ .M = M,
                                  .N = N,
                                  .K = K,
                                  .A = s.A,
                                  .lda = lda,
                                  .A_transposed = A_transposed,
                                  .B = s.B,
                                  .ldb = ldb,
                                  .B_transposed = B_transposed,
                                  .C = s.C,
                                  .ldc = N + PAD };
    return s;
}

static void free_sample(struct sample *s)
{
    memory_free(s->A);
    memory_free(s->B);
    memory_free(s->C);
    memory_free(s->bias);
    memory_free(s->residual);
}

/* Element (r, c) as it should be, `before` being what C held; *size is the sum of the terms'
 * magnitudes, in whose units the error is judged. */
static double expected_element(const struct product *p, int64_t r, int64_t c, float before,
                               double *size)
{
    double sum = p->add ? before : 0;
    if (p->bias)
        sum += p->bias[c];
    if (p->residual)
        sum += p->residual[r * p->ld_residual + c];
    *size = fabs(sum);
    const float *A = p->A, *B = p->B;
    for (int64_t k = 0; k < p->K; k++) {
        double a = p->A_transposed ? A[k * p->lda + r] : A[r * p->lda + k];
        double b = p->B_transposed ? B[c * p->ldb + k] : B[k * p->ldb + c];
        sum += a * b;
        *size += fabs(a * b);
    }
    return sum;
}

/* Observed: 1.9e-7 of the sum of magnitudes. */
static void expect_near_double(struct kernels *kernels, const struct sample *s)
{
    const struct product *p = &s->product;
    float *before = random_floats(3, p->M * p->ldc);
    memcpy(s->C, before, (size_t)(p->M * p->ldc) * sizeof(float));
    int64_t flops = kernels->flops;
    kernels_product(kernels, p);
    assert_true(kernels->flops - flops == 2 * p->M * p->N * p->K);
    for (int64_t r = 0; r < p->M; r++) {
        for (int64_t c = 0; c < p->N; c++) {
            double size, want = expected_element(p, r, c, before[r * p->ldc + c], &size);
            double error = fabs(s->C[r * p->ldc + c] - want) / size;
            if (!(error < 1e-6))
                fail_msg("set '%s', %lld x %lld x %lld at (%lld, %lld): error %g", kernels->name,
                         (long long)p->M, (long long)p->N, (long long)p->K, (long long)r,
                         (long long)c, error);
        }
        for (int64_t c = p->N; c < p->ldc; c++) /* what lies between the rows is not ours */
            assert_true(s->C[r * p->ldc + c] == before[r * p->ldc + c]);
    }
    memory_free(before);
}

static void every_form_at_ragged_sizes_is_near_the_sum_in_double(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = { { 1, 1, 1 },     { 1, 70, 33 },   { 2, 3, 5 },
                                        { 5, 9, 258 },   { 33, 1, 7 },    { 65, 64, 63 },
                                        { 129, 17, 3 },  { 260, 70, 40 }, { 3, 513, 2 },
                                        { 34, 50, 1700 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 16; form++) {
            struct sample s =
                make_sample(sizes[i][0], sizes[i][1], sizes[i][2], form & 1, form & 2);
            s.product.add = (form & 12) == 4;
            s.product.bias = form & 8 ? s.bias : NULL;
            s.product.residual = (form & 12) == 12 ? s.residual : NULL;
            s.product.ld_residual = s.product.N;
            for (int k = 0; k < opened_count; k++)
                expect_near_double(&opened[k], &s);
            free_sample(&s);
        }
}

/* y = X t in double. */
static void matrix_times_vector(const float *X, int64_t rows, int64_t columns, const double *t,
                                double *y)
{
    for (int64_t r = 0; r < rows; r++) {
        y[r] = 0;
        for (int64_t c = 0; c < columns; c++)
            y[r] += (double)X[r * columns + c] * t[c];
    }
}

/* (A B) t = A (B t): sizes at which a sum in double for each element would take long. */
static void product_times_a_vector_is_a_chain_of_vectors(void **state)
{
    (void)state;
    enum { M = 517, N = 389, K = 771 };
    static double t[N], Bt[K], ABt[M], Ct[M];
    float *A = random_floats(1, M * K), *B = random_floats(2, K * N);
    float *C = random_floats(3, M * N);
    for (int i = 0; i < N; i++)
        t[i] = philox_normal(philox_key(5, RANDOM_TEST), 9, (uint64_t)i);
    matrix_times_vector(B, K, N, t, Bt);
    matrix_times_vector(A, M, K, Bt, ABt);
    for (int k = 0; k < opened_count; k++) {
        struct product product = {
            .M = M, .N = N, .K = K, .A = A, .lda = K, .B = B, .ldb = N, .C = C, .ldc = N
        };
        kernels_product(&opened[k], &product);
        matrix_times_vector(C, M, N, t, Ct);
        double worst = 0, largest = 0;
        for (int r = 0; r < M; r++) {
            worst = fmax(worst, fabs(Ct[r] - ABt[r]));
            largest = fmax(largest, fabs(ABt[r]));
        }
        print_message("%s: %.1e\n", opened[k].name, worst / largest);
        assert_true(worst / largest < 1e-6); /* observed: 3.1e-7 */
    }
    memory_free(A);
    memory_free(B);
    memory_free(C);
}

static void expect_equal_bits_in_1_to_5_threads(const char *set, enum element element,
                                                const int64_t size[3], int form)
{
    float *once = NULL;
    const size_t bytes = (size_t)size[0] * (size_t)(size[1] + PAD) * sizeof(float);
    for (int threads = 1; threads <= 5; threads += threads == 3 ? 2 : 1) {
        struct kernels kernels;
        assert_int_equal(kernels_open(&kernels, set, threads), STATUS_OK);
        kernels_set_element(&kernels, element);
        struct sample s = make_sample(size[0], size[1], size[2], form & 1, form & 2);
        s.product.bias = s.bias;
        kernels_product(&kernels, &s.product);
        if (!once) {
            once = memory_alloc(bytes);
            memcpy(once, s.C, bytes);
        }
        assert_memory_equal(once, s.C, bytes);
        free_sample(&s);
        kernels_close(&kernels);
    }
    memory_free(once);
}

/* Of the last two, B is packed for all threads; in the last in several stretches of K. */
static void bits_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {
        { 1, 70, 33 }, { 193, 33, 17 }, { 300, 530, 400 }, { 209, 49, 6200 }
    };
    for (int k = 0; k < opened_count; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (enum element element = 0; element < ELEMENTS; element++)
                expect_equal_bits_in_1_to_5_threads(opened[k].name, element, sizes[i], (int)i);
}

/* tiles.h: a chain of fused multiply-adds is the same in every set that fuses them; products of
 * two bf16 are exact, so there the reference agrees as well. */
static void sets_give_the_bits_that_tiles_promise(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = { { 2, 3, 5 },      { 17, 31, 33 },   { 65, 64, 63 },
                                        { 130, 300, 70 }, { 200, 97, 801 }, { 33, 50, 3500 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (enum element element = 0; element < ELEMENTS; element++)
            for (int form = 0; form < 4; form++) {
                struct sample s =
                    make_sample(sizes[i][0], sizes[i][1], sizes[i][2], form & 1, form & 2);
                const size_t bytes = (size_t)s.product.M * (size_t)s.product.ldc * sizeof(float);
                float *expected = NULL;
                for (int k = 0; k < opened_count; k++) {
                    const char *set = opened[k].name;
                    if (strcmp(set, "amx") == 0 ||
                        (element == ELEMENT_REAL && strcmp(set, "reference") == 0))
                        continue;
                    kernels_set_element(&opened[k], element);
                    kernels_product(&opened[k], &s.product);
                    kernels_set_element(&opened[k], ELEMENT_REAL);
                    if (expected) {
                        assert_memory_equal(s.C, expected, bytes);
                        continue;
                    }
                    expected = memory_alloc(bytes);
                    memcpy(expected, s.C, bytes);
                }
                memory_free(expected);
                free_sample(&s);
            }
}

static bf16 *rounded(float *values, int64_t count)
{
    bf16 *halves = memory_alloc((size_t)count * sizeof *halves);
    for (int64_t i = 0; i < count; i++) {
        halves[i] = bf16_from_real(values[i]);
        values[i] = bf16_to_real(halves[i]);
    }
    return halves;
}

/* Operands that are bf16 in memory, and those that packing rounds, are one product. */
static void bf16_in_memory_is_what_packing_would_round_to(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = { { 2, 3, 5 }, { 33, 47, 70 }, { 200, 130, 97 } };
    for (int k = 0; k < opened_count; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int form = 0; form < 8; form++) {
                struct sample s =
                    make_sample(sizes[i][0], sizes[i][1], sizes[i][2], form & 1, form & 2);
                struct product *p = &s.product;
                kernels_set_element(&opened[k], form & 4 ? ELEMENT_BF16 : ELEMENT_REAL);
                bf16 *A = rounded(s.A, (p->A_transposed ? p->K : p->M) * p->lda);
                bf16 *B = rounded(s.B, (p->B_transposed ? p->N : p->K) * p->ldb);
                const size_t bytes = (size_t)(p->M * p->ldc) * sizeof(float);
                float *expected = memory_alloc(bytes);
                kernels_product(&opened[k], p);
                memcpy(expected, s.C, bytes);
                p->A = A;
                p->B = B;
                p->A_element = p->B_element = ELEMENT_BF16;
                kernels_product(&opened[k], p);
                assert_memory_equal(s.C, expected, bytes);
                kernels_set_element(&opened[k], ELEMENT_REAL);
                memory_free(expected);
                memory_free(A);
                memory_free(B);
                free_sample(&s);
            }
}

static void set_that_does_not_exist_is_bad_input_that_names_those_that_do(void **state)
{
    (void)state;
    struct kernels kernels;
    assert_int_equal(kernels_open(&kernels, "fast", 1), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'fast'"));
    assert_non_null(strstr(status_message(), "reference"));
    assert_int_equal(kernels_open(&kernels, "reference", 0), STATUS_BAD_INPUT);
}

static int open_all_sets(void **state)
{
    (void)state;
    for (int i = 0; kernel_set_names[i]; i++)
        if (kernel_set_runs_here(kernel_set_names[i]) &&
            kernels_open(&opened[opened_count++], kernel_set_names[i], 2) != STATUS_OK)
            return -1;
    return opened_count > 0 ? 0 : -1;
}

static int close_all_sets(void **state)
{
    (void)state;
    while (opened_count > 0)
        kernels_close(&opened[--opened_count]);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_at_ragged_sizes_is_near_the_sum_in_double),
        cmocka_unit_test(product_times_a_vector_is_a_chain_of_vectors),
        cmocka_unit_test(bits_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(sets_give_the_bits_that_tiles_promise),
        cmocka_unit_test(bf16_in_memory_is_what_packing_would_round_to),
        cmocka_unit_test(set_that_does_not_exist_is_bad_input_that_names_those_that_do),
    };
    return cmocka_run_group_tests(tests, open_all_sets, close_all_sets);
}
