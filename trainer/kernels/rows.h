/* rows: the operations between the products, on matrices [rows, C].
 *
 * What is independent by row is cut into blocks of rows. What sums over rows
 * (gradients of gains, biases and embeddings) is cut into blocks of columns, and
 * each block adds the rows in their order: no atomic additions, one result. Where a
 * pass over blocks of rows has them in its cache, it sums each of them by the way,
 * and the blocks' sums are added in their order.
 */
#ifndef TRAINER_KERNELS_ROWS_H
#define TRAINER_KERNELS_ROWS_H

#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

/* Rows that lie densely in memory, of reals or of bf16. What is computed is real: values are
 * rounded to bf16 when they are written. */
struct rows {
    void *values;
    enum element element;
};

static inline struct rows rows_of_reals(real *values)
{
    return (struct rows){ values, ELEMENT_REAL };
}

static inline void *rows_element(struct rows rows, int64_t index)
{
    return (char *)rows.values + index * element_bytes(rows.element);
}

/* From column `column` on, in rows that stay as far apart as they are. */
static inline struct rows rows_from(struct rows rows, int64_t column)
{
    return (struct rows){ (char *)rows.values + column * element_bytes(rows.element),
                          rows.element };
}

/* See norm_loops in kernel_table.h. mean, rstd: [rows]. */
void norm_forward(struct kernels *kernels, const struct norm *norm, const real *x, struct rows n,
                  real *mean, real *rstd, int64_t rows);
void norm_apply(struct kernels *kernels, const struct norm *norm, const real *x, struct rows n,
                const real *mean, const real *rstd, int64_t rows);

struct norm_gradient {
    real *dx;            /* [rows,C], added to */
    real *dgain, *dbias; /* [C], added to; dbias may be NULL */
    real *dx_sums;       /* [C] or NULL: becomes the sums over dx' rows, a bias' gradient */
};
/* dn is lost: its rows take the sums of their block until the blocks are added, in order. */
void norm_backward(struct kernels *kernels, const struct norm *norm, real *dn, const real *x,
                   const real *mean, const real *rstd, const struct norm_gradient *gradient,
                   int64_t rows);

/* GELU maps [rows,F] to [rows,F]; SwiGLU maps [gate F | up F]. A product can do it by the way.
 * x and y, or x and d, have one element type. */
void activation_forward(struct kernels *kernels, enum activation kind, struct rows x, struct rows y,
                        int64_t rows, int64_t F);
/* In place: x becomes y (SwiGLU: in the first half of each row), d goes from dy (there) to dx.
 * The sums over dx' rows, as it is written, are added to `sums` (or NULL), a bias' gradient;
 * `room` is for those of each block, activation_sums_room(rows, dx' width) reals. */
void activation_backward(struct kernels *kernels, enum activation kind, struct rows x,
                         struct rows d, int64_t rows, int64_t F, real *sums, real *room);
int64_t activation_sums_room(int64_t rows, int64_t width);

/* Rotary positions (Su et al. 2021) of the first `heads` heads of each row, in place. Row r
 * stands at position (r mod T) + past; tables are [positions, HD/2]. direction -1: backward. */
struct rotation {
    const real *cosine, *sine;
    int64_t heads, head_dim, stride, T, past;
    real direction;
};
void rotate_rows(struct kernels *kernels, const struct rotation *rotation, struct rows x,
                 int64_t rows);

/* x[r] = table[token[r]] (+ positions[(r mod T) + past], unless NULL). Tokens below `vocab`. */
struct embedding {
    const int32_t *tokens; /* [rows] */
    const real *table;     /* [V,C] */
    const real *positions; /* [P,C] or NULL */
    int64_t vocab_size, C, T, past;
};
void embedding_forward(struct kernels *kernels, const struct embedding *embedding, real *x,
                       int64_t rows);
/* dtable, dpositions (or NULL) are added to. */
void embedding_backward(struct kernels *kernels, const struct embedding *embedding, const real *dx,
                        real *dtable, real *dpositions, int64_t rows);

/* sums[columns] += the sum over the rows: a bias' gradient. */
void column_sums(struct kernels *kernels, struct rows x, real *sums, int64_t rows, int64_t columns);
/* The same over the sums of blocks, [columns] each, that lie `stride` reals apart. */
void add_block_sums(struct kernels *kernels, enum kernel_id id, real *of_blocks, int64_t blocks,
                    int64_t stride, real *sums, int64_t columns);

#endif
