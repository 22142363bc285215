/* GELU and SwiGLU: see kernel_table.h for the formulas. */
#include "trainer/kernels/loops/activation_math.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/loop_set.h"

ALWAYS_INLINE void gelu_of(enum element e, const void *restrict x, void *restrict y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        element_store(e, y, i, gelu_value(element_load(e, x, i)));
}

/* With s = sigmoid(2u): y' = s + x s (1 - s) (2u)'. */
ALWAYS_INLINE void gelu_backward_of(enum element e, void *restrict x_to_y, void *restrict dy_to_dx,
                                    int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        real x = element_load(e, x_to_y, i), dy = element_load(e, dy_to_dx, i);
        real s = real_sigmoid(GELU_SLOPE * (x + GELU_CUBIC * x * x * x));
        real slope = GELU_SLOPE * (1 + 3 * GELU_CUBIC * x * x);
        element_store(e, x_to_y, i, x * s);
        element_store(e, dy_to_dx, i, dy * (s + x * s * (1 - s) * slope));
    }
}

ALWAYS_INLINE void swiglu_of(enum element e, const void *restrict gate, const void *restrict up,
                             void *restrict y, int64_t F)
{
    for (int64_t i = 0; i < F; i++)
        element_store(e, y, i, swiglu_value(element_load(e, gate, i), element_load(e, up, i)));
}

/* With s = sigmoid(gate): silu' = s + gate s (1 - s). */
ALWAYS_INLINE void swiglu_backward_of(enum element e, void *restrict gate_to_y,
                                      const void *restrict up, void *restrict dy_to_dgate,
                                      void *restrict dup, int64_t F)
{
    for (int64_t i = 0; i < F; i++) {
        real gate = element_load(e, gate_to_y, i), u = element_load(e, up, i);
        real dy = element_load(e, dy_to_dgate, i), s = real_sigmoid(gate);
        real silu = gate * s;
        element_store(e, gate_to_y, i, silu * u);
        element_store(e, dup, i, dy * silu);
        element_store(e, dy_to_dgate, i, dy * u * (s + silu * (1 - s)));
    }
}

static void gelu(enum element element, const void *x, void *y, int64_t count)
{
    if (element == ELEMENT_REAL)
        gelu_of(ELEMENT_REAL, x, y, count);
    else
        gelu_of(ELEMENT_BF16, x, y, count);
}

static void gelu_backward(enum element element, void *x_to_y, void *dy_to_dx, int64_t count)
{
    if (element == ELEMENT_REAL)
        gelu_backward_of(ELEMENT_REAL, x_to_y, dy_to_dx, count);
    else
        gelu_backward_of(ELEMENT_BF16, x_to_y, dy_to_dx, count);
}

static void swiglu(enum element element, const void *x, void *y, int64_t rows, int64_t F)
{
    const int64_t half = F * element_bytes(element);
    for (int64_t r = 0; r < rows; r++) {
        const char *gate = (const char *)x + r * 2 * half;
        char *out = (char *)y + r * half;
        if (element == ELEMENT_REAL)
            swiglu_of(ELEMENT_REAL, gate, gate + half, out, F);
        else
            swiglu_of(ELEMENT_BF16, gate, gate + half, out, F);
    }
}

static void swiglu_backward(enum element element, void *x_to_y, void *d, int64_t rows, int64_t F)
{
    const int64_t half = F * element_bytes(element);
    for (int64_t r = 0; r < rows; r++) {
        char *gate = (char *)x_to_y + r * 2 * half, *dgate = (char *)d + r * 2 * half;
        if (element == ELEMENT_REAL)
            swiglu_backward_of(ELEMENT_REAL, gate, gate + half, dgate, dgate + half, F);
        else
            swiglu_backward_of(ELEMENT_BF16, gate, gate + half, dgate, dgate + half, F);
    }
}

const struct activation_loops LOOP_NAME(activation, KERNEL_SET) = {
    .gelu = gelu,
    .gelu_backward = gelu_backward,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
};
