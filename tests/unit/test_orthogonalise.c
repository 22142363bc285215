#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/optimizer/orthogonalise.h"

/* Wide, tall, square; one row or column; beyond a panel of the Gram matrix; sides just beyond a
 * whole number of blocks. */
static const int64_t shapes[][2] = { { 1, 1 },    { 1, 40 },   { 40, 1 },    { 17, 300 },
                                     { 300, 17 }, { 64, 64 },  { 300, 520 }, { 520, 300 },
                                     { 33, 785 }, { 785, 257 } };
enum { SHAPES = sizeof shapes / sizeof *shapes };
enum { SHORT_SHAPES = SHAPES - 2 }; /* the plain iteration would be long about the last two */

static void open_kernels(struct kernels *kernels, const char *set, enum element element,
                         int threads)
{
    assert_int_equal(kernels_open(kernels, set, threads), STATUS_OK);
    kernels_set_element(kernels, element);
}

/* Elements of a normal distribution: the singular values are within the square roots of the sides'
 * sum and difference (Marchenko, Pastur 1967), all far from zero where the matrix is not square. */
static struct strided random_matrix(int64_t rows, int64_t cols)
{
    struct philox_key key = philox_key(3, RANDOM_TEST);
    float *values = memory_alloc((size_t)(rows * cols) * sizeof *values);
    for (int64_t i = 0; i < rows * cols; i++)
        values[i] = (float)philox_normal(key, (uint64_t)cols, (uint64_t)i);
    return (struct strided){ values, rows, cols, cols };
}

static struct strided orthogonalised(const char *set, enum element element, int threads,
                                     int64_t rows, int64_t cols)
{
    struct kernels kernels;
    struct orthogonaliser orthogonaliser;
    struct strided X = random_matrix(rows, cols);
    open_kernels(&kernels, set, element, threads);
    orthogonaliser_init(&orthogonaliser, &X, 1);
    orthogonalise(&orthogonaliser, &kernels, &X, 1.0f);
    assert_int_equal(kernels.flops, orthogonalise_flops(rows, cols));
    orthogonaliser_release(&orthogonaliser);
    kernels_close(&kernels);
    return X;
}

/* C[M,N] = A[M,K] B[K,N] */
static void multiply(const double *A, const double *B, double *C, int64_t M, int64_t N, int64_t K)
{
    memset(C, 0, (size_t)(M * N) * sizeof *C);
    for (int64_t m = 0; m < M; m++)
        for (int64_t k = 0; k < K; k++)
            for (int64_t n = 0; n < N; n++)
                C[m * N + n] += A[m * K + k] * B[k * N + n];
}

/* The formula of the header as it stands, in double: of a tall matrix the same polynomial in
 * X X^T, its long side. */
static double *plain_iteration(const struct strided *X)
{
    const int64_t M = X->rows, N = X->cols;
    double *x = memory_alloc((size_t)(M * N) * sizeof *x), *xt = memory_alloc((size_t)(M * N) * 8);
    double *A = memory_alloc((size_t)(M * M) * 8), *P = memory_alloc((size_t)(M * M) * 8);
    double norm = 0;
    for (int64_t i = 0; i < M * N; i++)
        norm += (double)X->values[i] * (double)X->values[i];
    for (int64_t i = 0; i < M * N; i++)
        x[i] = (double)X->values[i] / sqrt(norm);
    for (int step = 0; step < 5; step++) {
        for (int64_t i = 0; i < M * N; i++)
            xt[i % N * M + i / N] = x[i];
        multiply(x, xt, A, M, M, N);
        multiply(A, A, P, M, M, M);
        for (int64_t i = 0; i < M * M; i++)
            P[i] = 2.0315 * P[i] - 4.7750 * A[i] + (i % (M + 1) == 0 ? 3.4445 : 0);
        multiply(P, x, xt, M, N, M);
        memcpy(x, xt, (size_t)(M * N) * sizeof *x);
    }
    memory_free(xt);
    memory_free(A);
    memory_free(P);
    return x;
}

/* The largest difference from `expected`, whose elements are of the order 1 / sqrt(long side). */
static double largest_error(const struct strided *X, const double *expected)
{
    double worst = 0;
    for (int64_t i = 0; i < X->rows * X->cols; i++)
        worst = fmax(worst, fabs((double)X->values[i] - expected[i]));
    return worst * sqrt((double)(X->rows > X->cols ? X->rows : X->cols));
}

static void it_is_the_iteration_of_the_header(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < SHORT_SHAPES; i++) {
        struct strided X = random_matrix(shapes[i][0], shapes[i][1]);
        double *expected = plain_iteration(&X);
        memory_free(X.values);
        for (const char *const *set = kernel_set_names; *set; set++) {
            if (!kernel_set_runs_here(*set))
                continue;
            X = orthogonalised(*set, ELEMENT_REAL, 1, shapes[i][0], shapes[i][1]);
            worst = fmax(worst, largest_error(&X, expected));
            memory_free(X.values);
        }
        memory_free(expected);
    }
    print_message("largest error: %.1e\n", worst);
    assert_true(worst < 1e-4); /* observed 1.9e-5 */
}

/* Eigenvalues of the symmetric A[n,n], by Jacobi's rotations, on its diagonal. */
static void diagonalise(double *A, int64_t n)
{
    for (int sweep = 0; sweep < 12; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double angle = 0.5 * atan2(2 * A[p * n + q], A[q * n + q] - A[p * n + p]);
                double c = cos(angle), s = sin(angle);
                for (int64_t k = 0; k < n; k++) {
                    double x = A[p * n + k], y = A[q * n + k];
                    A[p * n + k] = c * x - s * y;
                    A[q * n + k] = s * x + c * y;
                }
                for (int64_t k = 0; k < n; k++) {
                    double x = A[k * n + p], y = A[k * n + q];
                    A[k * n + p] = c * x - s * y;
                    A[k * n + q] = s * x + c * y;
                }
            }
}

static void singular_values(const struct strided *X, double *least, double *most)
{
    const bool tall = X->rows > X->cols;
    const int64_t n = tall ? X->cols : X->rows, depth = tall ? X->rows : X->cols;
    double *A = memory_alloc_zeroed((size_t)(n * n), sizeof *A);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t k = 0; k < depth; k++)
                A[i * n + j] += (double)X->values[tall ? k * X->ld + i : i * X->ld + k] *
                                (double)X->values[tall ? k * X->ld + j : j * X->ld + k];
    diagonalise(A, n);
    for (int64_t i = 0; i < n; i++) {
        *least = fmin(*least, sqrt(A[i * n + i]));
        *most = fmax(*most, sqrt(A[i * n + i]));
    }
    memory_free(A);
}

/* Observed: 0.682 to 1.134 in real. The quintic's extrema are 0.682 and 1.202. */
static void singular_values_end_near_one(void **state)
{
    (void)state;
    static const int64_t sides[][2] = {
        { 1, 30 }, { 40, 80 }, { 80, 40 }, { 24, 200 }, { 60, 90 }
    };
    for (int element = ELEMENT_REAL; element < ELEMENTS; element++) {
        double least = 9, most = 0;
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
            struct strided X =
                orthogonalised("auto", (enum element)element, 1, sides[i][0], sides[i][1]);
            singular_values(&X, &least, &most);
            memory_free(X.values);
        }
        print_message("singular values from %.3f to %.3f\n", least, most);
        assert_true(least > (element == ELEMENT_REAL ? 0.6815 : 0.66));
        assert_true(most < (element == ELEMENT_REAL ? 1.2024 : 1.22));
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int element = ELEMENT_REAL; element < ELEMENTS; element++)
        for (int i = 0; i < SHAPES; i++)
            for (int threads = 2; threads <= 3; threads++) {
                const int64_t rows = shapes[i][0], cols = shapes[i][1];
                struct strided one = orthogonalised("auto", (enum element)element, 1, rows, cols);
                struct strided many =
                    orthogonalised("auto", (enum element)element, threads, rows, cols);
                if (memcmp(one.values, many.values, (size_t)(rows * cols) * sizeof(float)) != 0)
                    fail_msg("%ld x %ld differs with %d threads", (long)rows, (long)cols, threads);
                memory_free(one.values);
                memory_free(many.values);
            }
}

/* Three matrices side by side, as gpt2 keeps q, k and v. */
static void a_matrix_within_another_has_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 48, COLS = 40, MATRICES = 3 };
    struct kernels kernels;
    struct orthogonaliser orthogonaliser;
    struct strided fused = random_matrix(ROWS, COLS * MATRICES);
    struct strided alone = { memory_alloc(ROWS * COLS * sizeof(float)), ROWS, COLS, COLS };
    open_kernels(&kernels, "auto", ELEMENT_REAL, 2);
    orthogonaliser_init(&orthogonaliser, &alone, 1);
    for (int i = 0; i < MATRICES; i++) {
        struct strided one = { fused.values + i * COLS, ROWS, COLS, fused.ld };
        for (int r = 0; r < ROWS; r++)
            memcpy(alone.values + r * COLS, one.values + r * one.ld, COLS * sizeof(float));
        orthogonalise(&orthogonaliser, &kernels, &alone, 0.5f);
        orthogonalise(&orthogonaliser, &kernels, &one, 0.5f);
        for (int r = 0; r < ROWS; r++)
            assert_memory_equal(alone.values + r * COLS, one.values + r * one.ld,
                                COLS * sizeof(float));
    }
    orthogonaliser_release(&orthogonaliser);
    kernels_close(&kernels);
    memory_free(alone.values);
    memory_free(fused.values);
}

static void zero_stays_zero_and_size_does_not_matter(void **state)
{
    (void)state;
    struct kernels kernels;
    struct orthogonaliser orthogonaliser;
    struct strided X = random_matrix(20, 30), tiny = random_matrix(20, 30);
    struct strided zero = { memory_alloc_zeroed(600, sizeof(float)), 20, 30, 30 };
    for (int i = 0; i < 600; i++)
        tiny.values[i] *= 0x1p-100f;
    open_kernels(&kernels, "auto", ELEMENT_REAL, 1);
    orthogonaliser_init(&orthogonaliser, &X, 1);
    orthogonalise(&orthogonaliser, &kernels, &X, 2.0f);
    orthogonalise(&orthogonaliser, &kernels, &tiny, 2.0f);
    orthogonalise(&orthogonaliser, &kernels, &zero, 2.0f);
    assert_memory_equal(X.values, tiny.values, 600 * sizeof(float)); /* a power of two is exact */
    for (int i = 0; i < 600; i++)
        assert_true(zero.values[i] == 0.0f);
    orthogonaliser_release(&orthogonaliser);
    kernels_close(&kernels);
    memory_free(X.values);
    memory_free(tiny.values);
    memory_free(zero.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_iteration_of_the_header),
        cmocka_unit_test(singular_values_end_near_one),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_matrix_within_another_has_the_same_bits),
        cmocka_unit_test(zero_stays_zero_and_size_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
