/* Small operations on rows, and the product of one row: see kernel_table.h. */
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/loop_set.h"

#define COLUMNS_AT_ONCE 64
#define ROWS_AT_ONCE    128 /* partial sums over so many rows: rounding grows more slowly */

static real vector_dot(const real *a, const real *b, int64_t count)
{
    return lanes_dot(a, b, count);
}

static void vector_add(const real *a, const real *b, real *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}

static void vector_scale(real *x, real factor, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        x[i] *= factor;
}

ALWAYS_INLINE void rotate_head(enum element e, void *restrict first, void *restrict second,
                               int64_t H, const real *restrict cosine, const real *restrict sine,
                               real direction)
{
    for (int64_t i = 0; i < H; i++) {
        real a = element_load(e, first, i), b = element_load(e, second, i);
        real s = sine[i] * direction;
        element_store(e, first, i, a * cosine[i] - b * s);
        element_store(e, second, i, b * cosine[i] + a * s);
    }
}

static void rotate(enum element element, void *heads_row, int64_t heads, int64_t H,
                   const real *cosine, const real *sine, real direction)
{
    const int64_t half = H * element_bytes(element);
    for (int64_t h = 0; h < heads; h++) {
        char *head = (char *)heads_row + h * 2 * half;
        if (element == ELEMENT_REAL)
            rotate_head(ELEMENT_REAL, head, head + half, H, cosine, sine, direction);
        else
            rotate_head(ELEMENT_BF16, head, head + half, H, cosine, sine, direction);
    }
}

/* `width` <= COLUMNS_AT_ONCE columns of x. */
ALWAYS_INLINE void narrow_sums(enum element e, const void *x, real *sums, int64_t rows,
                               int64_t width, int64_t stride)
{
    for (int64_t r0 = 0; r0 < rows; r0 += ROWS_AT_ONCE) {
        int64_t end = r0 + ROWS_AT_ONCE < rows ? r0 + ROWS_AT_ONCE : rows;
        real partial[COLUMNS_AT_ONCE] = { 0 };
        for (int64_t r = r0; r < end; r++)
            for (int64_t c = 0; c < width; c++)
                partial[c] += element_load(e, x, r * stride + c);
        for (int64_t c = 0; c < width; c++)
            sums[c] += partial[c];
    }
}

static void column_sums(enum element element, const void *x, real *sums, int64_t rows,
                        int64_t columns, int64_t stride)
{
    for (int64_t c = 0; c < columns; c += COLUMNS_AT_ONCE) {
        int64_t width = columns - c < COLUMNS_AT_ONCE ? columns - c : COLUMNS_AT_ONCE;
        const char *from = (const char *)x + c * element_bytes(element);
        if (element == ELEMENT_BF16)
            narrow_sums(ELEMENT_BF16, from, sums + c, rows, width, stride);
        else
            narrow_sums(ELEMENT_REAL, from, sums + c, rows, width, stride);
    }
}

/* y += x W, W [K,N]: four rows of W at once, added in their order. */
static void add_weighted_rows(const real *restrict x, const real *restrict W, int64_t stride,
                              real *restrict y, int64_t N, int64_t K)
{
    int64_t k = 0;
    for (; k + 4 <= K; k += 4) {
        const real *restrict w = W + k * stride;
        for (int64_t n = 0; n < N; n++)
            y[n] = y[n] + x[k] * w[n] + x[k + 1] * w[stride + n] + x[k + 2] * w[2 * stride + n] +
                   x[k + 3] * w[3 * stride + n];
    }
    for (; k < K; k++)
        for (int64_t n = 0; n < N; n++)
            y[n] += x[k] * W[k * stride + n];
}

static void vector_product(const real *x, const real *W, int64_t stride, bool transposed, real *y,
                           int64_t N, int64_t K, bool add)
{
    if (transposed) {
        for (int64_t n = 0; n < N; n++)
            y[n] = (add ? y[n] : 0) + lanes_dot(x, W + n * stride, K);
        return;
    }
    for (int64_t n = 0; !add && n < N; n++)
        y[n] = 0;
    add_weighted_rows(x, W, stride, y, N, K);
}

const struct vector_loops LOOP_NAME(vector, KERNEL_SET) = {
    .dot = vector_dot,
    .add = vector_add,
    .scale = vector_scale,
    .rotate = rotate,
    .column_sums = column_sums,
    .vector_product = vector_product,
};
