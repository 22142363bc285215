/* LayerNorm and RMSNorm: see struct norm in kernel_table.h. */
#include <stddef.h>

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/lanes.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/real_math.h"

#define COLUMNS_AT_ONCE 64

/* Element c is added to sum c mod 64: four chains of additions instead of one. */
enum { CHAINS = 4, WIDE = CHAINS * LANES };

static real wide_total(real sums[CHAINS][LANES])
{
    FOR_LANES (j)
        sums[0][j] = (sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j]);
    return lanes_total(sums[0]);
}

static real mean_of(const real *x, int64_t C)
{
    real sums[CHAINS][LANES] = { { 0 } };
    int64_t c = 0;
    for (; c + WIDE <= C; c += WIDE) {
        FOR_LANES (j)
            sums[0][j] += x[c + j];
        FOR_LANES (j)
            sums[1][j] += x[c + LANES + j];
        FOR_LANES (j)
            sums[2][j] += x[c + 2 * LANES + j];
        FOR_LANES (j)
            sums[3][j] += x[c + 3 * LANES + j];
    }
    for (int j = 0; c + j < C; j++)
        sums[j / LANES][j % LANES] += x[c + j];
    return wide_total(sums) / (real)C;
}

static real square(real x)
{
    return x * x;
}

static real mean_square_around(const real *x, real mean, int64_t C)
{
    real sums[CHAINS][LANES] = { { 0 } };
    int64_t c = 0;
    for (; c + WIDE <= C; c += WIDE) {
        FOR_LANES (j)
            sums[0][j] += square(x[c + j] - mean);
        FOR_LANES (j)
            sums[1][j] += square(x[c + LANES + j] - mean);
        FOR_LANES (j)
            sums[2][j] += square(x[c + 2 * LANES + j] - mean);
        FOR_LANES (j)
            sums[3][j] += square(x[c + 3 * LANES + j] - mean);
    }
    for (int j = 0; c + j < C; j++)
        sums[j / LANES][j % LANES] += square(x[c + j] - mean);
    return wide_total(sums) / (real)C;
}

ALWAYS_INLINE void apply_row(enum element e, const struct norm *norm, const real *restrict x,
                             void *restrict n, real mean, real rstd)
{
    const real *restrict gain = norm->gain, *restrict bias = norm->bias;
    if (bias)
        for (int64_t c = 0; c < norm->C; c++)
            element_store(e, n, c, (x[c] - mean) * rstd * gain[c] + bias[c]);
    else
        for (int64_t c = 0; c < norm->C; c++)
            element_store(e, n, c, (x[c] - mean) * rstd * gain[c]);
}

static void norm_apply(const struct norm *norm, const real *x, enum element element, void *n,
                       const real *mean, const real *rstd, int64_t rows)
{
    const int64_t C = norm->C;
    for (int64_t r = 0; r < rows; r++) {
        char *out = (char *)n + r * C * element_bytes(element);
        if (element == ELEMENT_REAL)
            apply_row(ELEMENT_REAL, norm, x + r * C, out, mean[r], rstd[r]);
        else
            apply_row(ELEMENT_BF16, norm, x + r * C, out, mean[r], rstd[r]);
    }
}

static void norm_forward(const struct norm *norm, const real *x, enum element element, void *n,
                         real *mean, real *rstd, int64_t rows)
{
    const int64_t C = norm->C;
    for (int64_t r = 0; r < rows; r++) {
        char *out = (char *)n + r * C * element_bytes(element);
        mean[r] = norm->centred ? mean_of(x + r * C, C) : 0;
        rstd[r] = 1 / real_sqrt(mean_square_around(x + r * C, mean[r], C) + norm->epsilon);
        norm_apply(norm, x + r * C, element, out, mean + r, rstd + r, 1);
    }
}

/* With dh = dn gain: dx = rstd (dh - mean(dh) - h mean(dh h)); mean(dh) only where centred. */
static void backward_row(const struct norm *norm, const real *restrict dn, const real *restrict x,
                         real mean, real rstd, real *restrict dx)
{
    const int64_t C = norm->C;
    const real *restrict gain = norm->gain;
    real sum[LANES] = { 0 }, dot[LANES] = { 0 };
    int64_t c = 0;
    for (; c + LANES <= C; c += LANES)
        FOR_LANES (j) {
            real dh = dn[c + j] * gain[c + j];
            sum[j] += dh;
            dot[j] += dh * ((x[c + j] - mean) * rstd);
        }
    for (int j = 0; c + j < C; j++) {
        real dh = dn[c + j] * gain[c + j];
        sum[j] += dh;
        dot[j] += dh * ((x[c + j] - mean) * rstd);
    }
    real mean_dh = norm->centred ? lanes_total(sum) / (real)C : 0;
    real mean_dh_h = lanes_total(dot) / (real)C;
    for (c = 0; c < C; c++)
        dx[c] += rstd * (dn[c] * gain[c] - mean_dh - (x[c] - mean) * rstd * mean_dh_h);
}

static void put(real *to, const real *sums, int64_t width, bool add)
{
    for (int64_t c = 0; to && c < width; c++)
        to[c] = add ? to[c] + sums[c] : sums[c];
}

/* Of `width` <= COLUMNS_AT_ONCE columns from c0 on. */
ALWAYS_INLINE void column_sums(int64_t C, const real *dn, const real *x, const real *mean,
                               const real *rstd, const real *dx, int64_t rows,
                               const struct norm_sums *sums, int64_t c0, int64_t width)
{
    real gain[COLUMNS_AT_ONCE] = { 0 }, bias[COLUMNS_AT_ONCE] = { 0 };
    real of_dx[COLUMNS_AT_ONCE] = { 0 };
    for (int64_t r = 0; r < rows; r++) {
        const int64_t at = r * C + c0;
        for (int64_t c = 0; c < width; c++) {
            gain[c] += dn[at + c] * ((x[at + c] - mean[r]) * rstd[r]);
            bias[c] += dn[at + c];
        }
        for (int64_t c = 0; sums->dx && c < width; c++)
            of_dx[c] += dx[at + c];
    }
    put(sums->gain + c0, gain, width, sums->add);
    put(sums->bias ? sums->bias + c0 : NULL, bias, width, sums->add);
    put(sums->dx ? sums->dx + c0 : NULL, of_dx, width, sums->add);
}

static void norm_backward(const struct norm *norm, const real *dn, const real *x, const real *mean,
                          const real *rstd, real *dx, int64_t rows, const struct norm_sums *sums)
{
    const int64_t C = norm->C;
    for (int64_t r = 0; r < rows; r++)
        backward_row(norm, dn + r * C, x + r * C, mean[r], rstd[r], dx + r * C);
    int64_t c = 0;
    for (; c + COLUMNS_AT_ONCE <= C; c += COLUMNS_AT_ONCE)
        column_sums(C, dn, x, mean, rstd, dx, rows, sums, c, COLUMNS_AT_ONCE);
    if (c < C)
        column_sums(C, dn, x, mean, rstd, dx, rows, sums, c, C - c);
}

const struct norm_loops LOOP_NAME(norm, KERNEL_SET) = {
    .forward = norm_forward,
    .apply = norm_apply,
    .backward = norm_backward,
};
