/* GELU and SwiGLU: see kernel_table.h for the formulas. */
#include "trainer/kernels/loops/activation_math.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/loop_set.h"

ALWAYS_INLINE void load(enum element e, const void *from, int64_t first, int64_t count, real *x)
{
    FOR_ELEMENTS (j, count)
        x[j] = element_load(e, from, first + j);
    for (int64_t j = count; j < AT_ONCE; j++)
        x[j] = 0;
}

ALWAYS_INLINE void store(enum element e, void *to, int64_t first, int64_t count, const real *x)
{
    FOR_ELEMENTS (j, count)
        element_store(e, to, first + j, x[j]);
}

ALWAYS_INLINE void gelu_some(enum element e, const void *restrict from, void *restrict to,
                             int64_t first, int64_t count)
{
    real x[AT_ONCE];
    load(e, from, first, count, x);
    gelu_some_reals(x);
    store(e, to, first, count, x);
}

/* With s = sigmoid(2u): y' = s + x s (1 - s) (2u)'. */
ALWAYS_INLINE void gelu_backward_some(enum element e, void *restrict x_to_y,
                                      void *restrict dy_to_dx, int64_t first, int64_t count)
{
    real x[AT_ONCE], dy[AT_ONCE], s[AT_ONCE], slope[AT_ONCE];
    load(e, x_to_y, first, count, x);
    load(e, dy_to_dx, first, count, dy);
    gelu_sigmoids(x, s);
    FOR_ELEMENTS (j, AT_ONCE) {
        slope[j] = GELU_SLOPE + 3 * GELU_CUBIC * (x[j] * x[j]);
        x[j] *= s[j];
        dy[j] *= s[j] + x[j] * (1 - s[j]) * slope[j];
    }
    store(e, x_to_y, first, count, x);
    store(e, dy_to_dx, first, count, dy);
}

ALWAYS_INLINE void swiglu_some(enum element e, const void *restrict gates, const void *restrict ups,
                               void *restrict y, int64_t first, int64_t count)
{
    real gate[AT_ONCE], up[AT_ONCE];
    load(e, gates, first, count, gate);
    load(e, ups, first, count, up);
    swiglu_some_reals(gate, up);
    store(e, y, first, count, up);
}

/* With s = sigmoid(gate): silu' = s + gate s (1 - s). */
ALWAYS_INLINE void swiglu_backward_some(enum element e, void *restrict gate_to_y,
                                        const void *restrict ups, void *restrict dy_to_dgate,
                                        void *restrict dups, int64_t first, int64_t count)
{
    real gate[AT_ONCE], up[AT_ONCE], dy[AT_ONCE], s[AT_ONCE], silu[AT_ONCE], dup[AT_ONCE];
    load(e, gate_to_y, first, count, gate);
    load(e, ups, first, count, up);
    load(e, dy_to_dgate, first, count, dy);
    FOR_ELEMENTS (j, AT_ONCE)
        s[j] = -gate[j];
    sigmoids_of_negated(s);
    FOR_ELEMENTS (j, AT_ONCE) {
        silu[j] = gate[j] * s[j];
        dup[j] = dy[j] * silu[j];
        dy[j] *= up[j] * (s[j] + silu[j] * (1 - s[j]));
        silu[j] *= up[j];
    }
    store(e, gate_to_y, first, count, silu);
    store(e, dups, first, count, dup);
    store(e, dy_to_dgate, first, count, dy);
}

ALWAYS_INLINE void gelu_of(enum element e, const void *x, void *y, int64_t count)
{
    int64_t i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        gelu_some(e, x, y, i, AT_ONCE);
    if (i < count)
        gelu_some(e, x, y, i, count - i);
}

ALWAYS_INLINE void gelu_backward_of(enum element e, void *x_to_y, void *dy_to_dx, int64_t count)
{
    int64_t i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        gelu_backward_some(e, x_to_y, dy_to_dx, i, AT_ONCE);
    if (i < count)
        gelu_backward_some(e, x_to_y, dy_to_dx, i, count - i);
}

ALWAYS_INLINE void swiglu_of(enum element e, const void *gate, const void *up, void *y,
                             int64_t count)
{
    int64_t i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        swiglu_some(e, gate, up, y, i, AT_ONCE);
    if (i < count)
        swiglu_some(e, gate, up, y, i, count - i);
}

ALWAYS_INLINE void swiglu_backward_of(enum element e, void *gate_to_y, const void *up,
                                      void *dy_to_dgate, void *dup, int64_t count)
{
    int64_t i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        swiglu_backward_some(e, gate_to_y, up, dy_to_dgate, dup, i, AT_ONCE);
    if (i < count)
        swiglu_backward_some(e, gate_to_y, up, dy_to_dgate, dup, i, count - i);
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
