/* orthogonalise: a matrix with the singular vectors of X, and singular values near 1.
 *
 * Newton-Schulz iteration with the quintic of Jordan et al., "Muon: An optimizer for hidden
 * layers in neural networks" (2024): with X = G / |G| (Frobenius norm), five times
 *
 *   A = X X^T,   X = (a I + b A + c A^2) X,   (a, b, c) = (3.4445, -4.7750, 2.0315)
 *
 * A singular value s becomes a s + b s^3 + c s^5. The coefficients trade convergence for slope:
 * values from about 1/500 of the norm on are brought into [0.68, 1.21], between the quintic's two
 * extrema, and stay in that band without settling. A tall matrix is multiplied from the right, by a
 * polynomial in X^T X, so that A always has the short side.
 *
 * Products multiply what kernels->element says; all else is float. The bits depend neither on
 * threads nor on where in memory X lies.
 */
#ifndef TRAINER_OPTIMIZER_ORTHOGONALISE_H
#define TRAINER_OPTIMIZER_ORTHOGONALISE_H

#include "base/memory.h"
#include "trainer/kernels/kernels.h"

/* X[rows,cols], row r at values + r ld. */
struct strided {
    float *values;
    int64_t rows, cols, ld;
};

/* Scratch for the largest matrix that it was made for, in one arena. */
struct orthogonaliser {
    struct arena arena;
    double *row_sums;         /* [rows] */
    float *other;             /* [rows, cols] */
    float *gram, *polynomial; /* [short side, short side] */
};

/* For each of `count` shapes, of which `values` and `ld` do not matter; and what it takes. */
size_t orthogonaliser_bytes(const struct strided *shapes, int64_t count);
void orthogonaliser_init(struct orthogonaliser *orthogonaliser, const struct strided *shapes,
                         int64_t count);
void orthogonaliser_release(struct orthogonaliser *orthogonaliser);

/* X becomes `factor` times its orthogonalisation, in all threads. Zero stays zero. */
void orthogonalise(struct orthogonaliser *orthogonaliser, struct kernels *kernels,
                   const struct strided *X, float factor);

/* Floating-point operations in the products of `orthogonalise`. */
int64_t orthogonalise_flops(int64_t rows, int64_t cols);

#endif
