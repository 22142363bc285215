/* GELU and SwiGLU: see kernel_table.h for the formulas. */
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/real_math.h"

#define GELU_SLOPE ((real)1.5957691216057307118) /* 2 sqrt(2 / pi) */
#define GELU_CUBIC ((real)0.044715)

static void gelu(const real *restrict x, real *restrict y, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        real u2 = GELU_SLOPE * (x[i] + GELU_CUBIC * x[i] * x[i] * x[i]);
        y[i] = x[i] * real_sigmoid(u2);
    }
}

/* With s = sigmoid(2u): y' = s + x s (1 - s) (2u)'. */
static void gelu_backward(real *restrict x_to_y, real *restrict dy_to_dx, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        real x = x_to_y[i];
        real s = real_sigmoid(GELU_SLOPE * (x + GELU_CUBIC * x * x * x));
        real slope = GELU_SLOPE * (1 + 3 * GELU_CUBIC * x * x);
        x_to_y[i] = x * s;
        dy_to_dx[i] *= s + x * s * (1 - s) * slope;
    }
}

static void swiglu_row(const real *restrict gate, const real *restrict up, real *restrict y,
                       int64_t F)
{
    for (int64_t i = 0; i < F; i++)
        y[i] = gate[i] * real_sigmoid(gate[i]) * up[i];
}

static void swiglu(const real *x, real *y, int64_t rows, int64_t F)
{
    for (int64_t r = 0; r < rows; r++)
        swiglu_row(x + r * 2 * F, x + r * 2 * F + F, y + r * F, F);
}

/* With s = sigmoid(gate): silu' = s + gate s (1 - s). */
static void swiglu_backward_row(real *restrict gate_to_y, const real *restrict up,
                                real *restrict dy_to_dgate, real *restrict dup, int64_t F)
{
    for (int64_t i = 0; i < F; i++) {
        real gate = gate_to_y[i], dy = dy_to_dgate[i];
        real s = real_sigmoid(gate);
        real silu = gate * s;
        gate_to_y[i] = silu * up[i];
        dup[i] = dy * silu;
        dy_to_dgate[i] = dy * up[i] * (s + silu * (1 - s));
    }
}

static void swiglu_backward(real *x_to_y, real *d, int64_t rows, int64_t F)
{
    for (int64_t r = 0; r < rows; r++) {
        real *x = x_to_y + r * 2 * F, *dx = d + r * 2 * F;
        swiglu_backward_row(x, x + F, dx, dx + F, F);
    }
}

const struct activation_loops LOOP_NAME(activation, KERNEL_SET) = {
    .gelu = gelu,
    .gelu_backward = gelu_backward,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
};
