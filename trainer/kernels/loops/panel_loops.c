/* A panel of a product's sums: what is added to them, and what becomes of them. */
#include <string.h>

#include "trainer/kernels/loops/activation_math.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/loop_set.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* A row of a panel, before it goes out. */
struct line {
    _Alignas(64) real values[PANEL_MOST];
};

/* Past the caches, unless they hold the place already: a store that goes through them has to
 * read it first. */
ALWAYS_INLINE void put_line(const struct panel_output *p, const void *line, void *to, int64_t bytes)
{
#if defined(__AVX512F__)
    if (!p->is_cached && bytes % 64 == 0 && (uintptr_t)to % 64 == 0) {
        for (int64_t i = 0; i < bytes; i += 64)
            _mm512_stream_si512((void *)((char *)to + i),
                                _mm512_load_si512((const char *)line + i));
        return;
    }
#else
    (void)p;
#endif
    memcpy(to, line, (size_t)bytes);
}

/* sum[columns] = (before + bias) + sums */
ALWAYS_INLINE void sum_row(const real *restrict before, const real *restrict bias,
                           const real *restrict sums, int64_t columns, real *restrict sum)
{
    if (before && bias)
        for (int64_t c = 0; c < columns; c++)
            sum[c] = (before[c] + bias[c]) + sums[c];
    else if (before || bias)
        for (int64_t c = 0; c < columns; c++)
            sum[c] = (before ? before : bias)[c] + sums[c];
    else
        for (int64_t c = 0; c < columns; c++)
            sum[c] = sums[c];
}

/* Values go to `to` in the element, and come back as it keeps them. */
ALWAYS_INLINE void put_row(enum element e, const struct panel_output *p, void *to, int64_t columns,
                           struct line *row)
{
    if (e == ELEMENT_REAL) {
        put_line(p, row, to, columns * (int64_t)sizeof(real));
        return;
    }
    _Alignas(64) bf16 narrow[PANEL_MOST];
    bf16_from_reals(row->values, narrow, columns);
    put_line(p, narrow, to, columns * (int64_t)sizeof(bf16));
    if (p->activation != ACTIVATION_NONE)
        for (int64_t c = 0; c < columns; c++)
            row->values[c] = bf16_to_real(narrow[c]);
}

/* What is there beside the row takes part in its activation. */
ALWAYS_INLINE void fill_up(struct line *row, int64_t columns)
{
    for (int64_t c = columns; c % AT_ONCE != 0; c++)
        row->values[c] = 0;
}

ALWAYS_INLINE void store_row(enum element e, const struct panel_output *p, int64_t r,
                             int64_t columns)
{
    const real *before = p->before ? p->before + r * p->ld_before : NULL;
    char *C = (char *)p->C + r * p->ldc * element_bytes(e);
    struct line row;
    sum_row(before, p->bias, p->sums + r * p->ld_sums, columns, row.values);
    put_row(e, p, C, columns, &row);
    if (p->activation == ACTIVATION_NONE)
        return;
    if (p->activation == ACTIVATION_GELU) {
        fill_up(&row, columns);
        for (int64_t c = 0; c < columns; c += AT_ONCE)
            gelu_some_reals(row.values + c);
    } else {
        struct line up;
        sum_row(before ? before + p->part_before : NULL, p->bias ? p->bias + p->part_columns : NULL,
                p->sums + p->part_sums + r * p->ld_sums, columns, up.values);
        put_row(e, p, C + p->part_columns * element_bytes(e), columns, &up);
        fill_up(&row, columns);
        fill_up(&up, columns);
        for (int64_t c = 0; c < columns; c += AT_ONCE)
            swiglu_some_reals(row.values + c, up.values + c);
        row = up;
    }
    put_row(e, p, (char *)p->activated + r * p->ld_activated * element_bytes(e), columns, &row);
}

ALWAYS_INLINE void store_rows(enum element e, const struct panel_output *p)
{
    for (int64_t r = 0; r < p->rows; r++)
        store_row(e, p, r, p->columns);
}

static void store_panel(const struct panel_output *output)
{
    if (output->element == ELEMENT_REAL)
        store_rows(ELEMENT_REAL, output);
    else
        store_rows(ELEMENT_BF16, output);
}

/* Stores past the caches are seen by other threads only then. */
static void publish_stores(void)
{
#if defined(__AVX512F__)
    _mm_sfence();
#endif
}

const struct panel_loops LOOP_NAME(panel, KERNEL_SET) = {
    .store = store_panel,
    .publish = publish_stores,
};
