/* Backward passes of single kernels against central differences, at sizes that cross blocks.
 *
 * Each kernel is a function of one flat vector of inputs; the scalar whose gradient is
 * checked is the sum of its outputs with fixed random weights. */
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
#include "trainer/kernels/loss_head.h"
#include "trainer/kernels/rows.h"

/* Observed: 9.3e-10 of the gradient's largest element (the loss head, over 2,000 logits). */
#define TOLERANCE 1e-8
#define STEP      1e-4

static struct kernels kernels;

static real normal(uint64_t stream, int64_t index)
{
    return (real)philox_normal(philox_key(11, RANDOM_TEST), stream, (uint64_t)index);
}

static real *random_reals(uint64_t stream, int64_t count)
{
    real *values = memory_alloc_zeroed((size_t)count, sizeof(real));
    for (int64_t i = 0; i < count; i++)
        values[i] = normal(stream, i);
    return values;
}

enum { MOST_OUTPUTS = 10000 };

static double weighted_sum(const real *out, int64_t count)
{
    static real weights[MOST_OUTPUTS];
    for (int64_t i = weights[0] == 0 ? 0 : MOST_OUTPUTS; i < MOST_OUTPUTS; i++)
        weights[i] = normal(99, i);
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += out[i] * weights[i];
    return sum;
}

typedef double scalar_function(void *context, const real *x);

static double difference(scalar_function *f, void *context, real *x, int64_t i, double step)
{
    const real kept = x[i];
    x[i] = kept + step;
    double above = f(context, x);
    x[i] = kept - step;
    double below = f(context, x);
    x[i] = kept;
    return above - below;
}

/* Every `stride`-th element of the gradient, by differences of fourth order. */
static void check_gradient(const char *name, scalar_function *f, void *context, real *x,
                           const real *gradient, int64_t count, int64_t stride)
{
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(gradient[i]));
    for (int64_t i = 0; i < count; i += stride) {
        double numeric =
            (8 * difference(f, context, x, i, STEP) - difference(f, context, x, i, 2 * STEP)) /
            (12 * STEP);
        worst = fmax(worst, fabs(numeric - gradient[i]) / largest);
    }
    print_message("%s: largest error %.1e of the largest element\n", name, worst);
    assert_true(worst <= TOLERANCE);
}

static void check_column_sums(const real *sums, const real *x, int64_t rows, int64_t columns)
{
    for (int64_t c = 0; c < columns; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows; r++)
            sum += x[r * columns + c];
        assert_true(fabs(sums[c] - sum) <= 1e-12 * (1 + fabs(sum)));
    }
}

/* ---- Norms: x [rows,C], gain [C], bias [C] in one vector ------------------------------------- */

enum { NORM_ROWS = 100, NORM_C = 37 };

struct norm_sample {
    struct norm norm;
    int64_t rows;
    real n[NORM_ROWS * NORM_C], mean[NORM_ROWS], rstd[NORM_ROWS];
};

static double norm_value(void *context, const real *x)
{
    struct norm_sample *s = context;
    s->norm.gain = x + s->rows * NORM_C;
    s->norm.bias = s->norm.centred ? s->norm.gain + NORM_C : NULL;
    norm_forward(&kernels, &s->norm, x, rows_of_reals(s->n), s->mean, s->rstd, s->rows);
    return weighted_sum(s->n, s->rows * NORM_C);
}

static void check_norm(const char *name, bool centred, int64_t rows)
{
    static struct norm_sample s;
    const int64_t matrix = rows * NORM_C, count = matrix + NORM_C * (centred ? 2 : 1);
    real *x = random_reals(1, count), *dn = random_reals(99, matrix);
    real *dx = memory_alloc_zeroed((size_t)count, sizeof(real)), dx_sums[NORM_C];
    const struct norm_gradient gradient = { dx, dx + matrix, centred ? dx + matrix + NORM_C : NULL,
                                            dx_sums };
    s.rows = rows;
    s.norm = (struct norm){ .C = NORM_C, .epsilon = 1e-5, .centred = centred };
    norm_value(&s, x);
    norm_backward(&kernels, &s.norm, dn, x, s.mean, s.rstd, &gradient, rows);
    check_gradient(name, norm_value, &s, x, dx, count, 7);
    check_column_sums(dx_sums, dx, rows, NORM_C);
    memory_free(x);
    memory_free(dn);
    memory_free(dx);
}

static void layer_norm_backward_is_its_derivative(void **state)
{
    (void)state;
    check_norm("LayerNorm of one row", true, 1);
    check_norm("LayerNorm of a block", true, 63);
    check_norm("LayerNorm", true, NORM_ROWS);
}

static void rms_norm_backward_is_its_derivative(void **state)
{
    (void)state;
    check_norm("RMSNorm of one row", false, 1);
    check_norm("RMSNorm", false, NORM_ROWS);
}

/* ---- Activations ---------------------------------------------------------------------------- */

enum { ACTIVATION_ROWS = 70, ACTIVATION_F = 19 };

struct activation_sample {
    enum activation kind;
    int64_t rows;
    real y[ACTIVATION_ROWS * ACTIVATION_F];
};

static double activation_value(void *context, const real *x)
{
    struct activation_sample *s = context;
    activation_forward(&kernels, s->kind, rows_of_reals((real *)x), rows_of_reals(s->y), s->rows,
                       ACTIVATION_F);
    return weighted_sum(s->y, s->rows * ACTIVATION_F);
}

static void check_activation(const char *name, enum activation kind, int64_t rows)
{
    struct activation_sample s = { .kind = kind, .rows = rows };
    const int64_t F = ACTIVATION_F, width = kind == ACTIVATION_SWIGLU ? 2 * F : F;
    const int64_t count = rows * width, room = activation_sums_room(rows, width);
    real *x = random_reals(2, count), *x_to_y = random_reals(2, count);
    real *d = memory_alloc_zeroed((size_t)(count + room), sizeof(real)), sums[2 * ACTIVATION_F];
    for (int64_t c = 0; c < width; c++)
        sums[c] = c; /* is added to */
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < F; i++)
            d[r * width + i] = normal(99, r * F + i);
    activation_backward(&kernels, kind, rows_of_reals(x_to_y), rows_of_reals(d), rows, F, sums,
                        d + count);
    check_gradient(name, activation_value, &s, x, d, count, 1);
    for (int64_t c = 0; c < width; c++)
        sums[c] -= c;
    check_column_sums(sums, d, rows, width);
    activation_value(&s, x); /* backward left the output once more */
    for (int64_t r = 0; r < rows; r++)
        assert_memory_equal(x_to_y + r * width, s.y + r * F, (size_t)F * sizeof(real));
    memory_free(x);
    memory_free(x_to_y);
    memory_free(d);
}

static void gelu_backward_is_its_derivative(void **state)
{
    (void)state;
    check_activation("GELU of a block", ACTIVATION_GELU, 40);
    check_activation("GELU", ACTIVATION_GELU, ACTIVATION_ROWS);
}

static void swiglu_backward_is_its_derivative(void **state)
{
    (void)state;
    check_activation("SwiGLU", ACTIVATION_SWIGLU, ACTIVATION_ROWS);
}

/* ---- Attention: rows [queries | keys | values], 3 blocks of queries, 2 of keys ----------------
 */

enum { ATTENTION_T = 300, HEADS = 4, KV_HEADS = 2, HEAD_DIM = 5 };
enum { ATTENTION_WIDTH = (HEADS + 2 * KV_HEADS) * HEAD_DIM };

struct attention_sample {
    real out[ATTENTION_T * HEADS * HEAD_DIM], logsumexp[HEADS * ATTENTION_T];
    const int32_t *document_starts;
};

static struct attention attention_over(struct attention_sample *s, const real *x)
{
    return (struct attention){ .B = 1,
                               .T = ATTENTION_T,
                               .heads = HEADS,
                               .kv_heads = KV_HEADS,
                               .head_dim = HEAD_DIM,
                               .queries = x,
                               .query_stride = ATTENTION_WIDTH,
                               .keys = x + HEADS * HEAD_DIM,
                               .values = x + (HEADS + KV_HEADS) * HEAD_DIM,
                               .kv_stride = ATTENTION_WIDTH,
                               .out = s->out,
                               .logsumexp = s->logsumexp,
                               .document_starts = s->document_starts };
}

static double attention_value(void *context, const real *x)
{
    struct attention_sample *s = context;
    struct attention attention = attention_over(s, x);
    attention_forward(&kernels, &attention);
    return weighted_sum(s->out, ATTENTION_T * HEADS * HEAD_DIM);
}

static void check_attention(const int32_t *document_starts)
{
    static struct attention_sample s;
    s.document_starts = document_starts;
    const int64_t count = ATTENTION_T * ATTENTION_WIDTH;
    real *x = random_reals(3, count), *dx = random_reals(4, count);
    real *dout = random_reals(99, ATTENTION_T * HEADS * HEAD_DIM);
    attention_value(&s, x);
    struct attention attention = attention_over(&s, x);
    struct attention_gradient gradient = { .dout = dout,
                                           .dqueries = dx,
                                           .dkeys = dx + HEADS * HEAD_DIM,
                                           .dvalues = dx + (HEADS + KV_HEADS) * HEAD_DIM };
    attention_backward(&kernels, &attention, &gradient);
    check_gradient("attention", attention_value, &s, x, dx, count, 61);
    memory_free(x);
    memory_free(dx);
    memory_free(dout);
}

static void attention_backward_is_its_derivative(void **state)
{
    (void)state;
    check_attention(NULL);
}

static void attention_within_documents_has_its_derivative(void **state)
{
    (void)state;
    static const int32_t borders[] = { 0, 3, 128, 140, 291 };
    int32_t starts[ATTENTION_T];
    for (int32_t t = 0, document = 0; t < ATTENTION_T; t++) {
        if (document < 4 && t == borders[document + 1])
            document++;
        starts[t] = borders[document];
    }
    check_attention(starts);
}

/* ---- The head and the loss: hidden [rows,C], weight [V,C]; two blocks of rows ---------------- */

enum { LOSS_TEST_ROWS = 515 /* more than a block */, LOSS_C = 4, LOSS_V = 2050 };

/* z_loss logZ^2 of the rows that bear a loss, from the definition. */
static double z_loss_value(const struct loss_head *head)
{
    double sum = 0;
    for (int64_t r = 0; head->z_loss > 0 && r < head->rows; r++) {
        double Z = 0;
        for (int64_t v = 0; v < head->V; v++) {
            double logit = 0;
            for (int64_t c = 0; c < head->C; c++)
                logit += head->hidden[r * head->C + c] * head->weight[v * head->C + c];
            Z += exp(logit);
        }
        if (head->targets[r] >= 0)
            sum += head->z_loss * log(Z) * log(Z);
    }
    return sum;
}

static double loss_value(void *context, const real *x)
{
    struct loss_head *head = context;
    int64_t targets;
    head->hidden = x;
    head->weight = x + LOSS_TEST_ROWS * LOSS_C;
    return loss_head_run(&kernels, head, &targets) + z_loss_value(head);
}

static void check_loss_head(double z_loss)
{
    const int64_t count = (LOSS_TEST_ROWS + LOSS_V) * LOSS_C;
    int32_t targets[LOSS_TEST_ROWS];
    for (int r = 0; r < LOSS_TEST_ROWS; r++)
        targets[r] = r % 3 == 1 ? -1 : (r * 31) % LOSS_V;
    real *x = random_reals(5, count), *dx = memory_alloc_zeroed((size_t)count, sizeof(real));
    struct loss_head head = { .targets = targets,
                              .rows = LOSS_TEST_ROWS,
                              .C = LOSS_C,
                              .V = LOSS_V,
                              .logits = memory_alloc_zeroed(
                                  (size_t)(LOSS_TEST_ROWS * loss_head_stride(LOSS_V)),
                                  sizeof(real)),
                              .row_losses = memory_alloc_zeroed(LOSS_TEST_ROWS, sizeof(double)),
                              .dhidden = dx,
                              .dweight = dx + LOSS_TEST_ROWS * LOSS_C,
                              .z_loss = z_loss };
    double with_gradient = loss_value(&head, x);
    head.dhidden = head.dweight = NULL;
    assert_true(fabs(loss_value(&head, x) - with_gradient) == 0);
    check_gradient("loss head", loss_value, &head, x, dx, count, 1999);
    memory_free(x);
    memory_free(dx);
    memory_free(head.logits);
    memory_free(head.row_losses);
}

static void loss_head_backward_is_its_derivative(void **state)
{
    (void)state;
    check_loss_head(0);
}

static void z_loss_adds_its_derivative(void **state)
{
    (void)state;
    check_loss_head(0.1);
}

static int open_kernels(void **state)
{
    (void)state;
    return kernels_open(&kernels, "auto", 2) == STATUS_OK ? 0 : -1;
}

static int close_kernels(void **state)
{
    (void)state;
    kernels_close(&kernels);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_backward_is_its_derivative),
        cmocka_unit_test(rms_norm_backward_is_its_derivative),
        cmocka_unit_test(gelu_backward_is_its_derivative),
        cmocka_unit_test(swiglu_backward_is_its_derivative),
        cmocka_unit_test(attention_backward_is_its_derivative),
        cmocka_unit_test(attention_within_documents_has_its_derivative),
        cmocka_unit_test(loss_head_backward_is_its_derivative),
        cmocka_unit_test(z_loss_adds_its_derivative),
    };
    return cmocka_run_group_tests(tests, open_kernels, close_kernels);
}
