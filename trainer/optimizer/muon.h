/* muon: momentum that is orthogonalised, for the matrices of the layers.
 *
 *   B = mu B + g                                     momentum
 *   O = orthogonalise(g + mu B)                      Nesterov's look ahead
 *   p = p - lr ( 0.2 sqrt(max(rows, cols)) O + decay p )
 *
 * Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). Weight decay
 * and the factor are those of Liu et al., "Muon is scalable for LLM training" (2025):
 * O has a root mean square of about 1 / sqrt(max(rows, cols)), and AdamW's update one of 0.2 to
 * 0.4, so that both go with the same lr and decay. Embeddings, head, norms and biases are AdamW's.
 *
 * gpt2 stores q | k | v as one matrix. They are orthogonalised as three, as Jordan et al. advise:
 * q, k and v are three maps that happen to share an input, each with singular values of its own; as
 * one matrix, the largest of the three gradients would set the scale of all.
 *
 * A matrix is orthogonalised whole, by one rank, while its momentum is in the slices. Which rank is
 * a function of the table and the world size alone, and no bit depends on it:
 *
 *   slices     update momentum; g + mu B takes the gradient's place
 *   loan       each matrix goes to its rank (comm/loan.h)
 *   matrices   orthogonalise in place
 *   loan       back to the slices, which update the parameters
 */
#ifndef TRAINER_OPTIMIZER_MUON_H
#define TRAINER_OPTIMIZER_MUON_H

#include "comm/loan.h"
#include "trainer/kernels/kernels.h"
#include "trainer/model/model.h"
#include "trainer/optimizer/orthogonalise.h"

struct muon {
    const struct world *world;
    const struct tensor_table *table;
    int *workers; /* [tensor_count]: the rank that orthogonalises it, or -1: not Muon's */
    struct loan *loans;
    int64_t loan_count;
    struct orthogonaliser orthogonaliser; /* for the largest of this rank's matrices */
};

bool muon_updates(const struct tensor *tensor);

/* Which rank orthogonalises each tensor of the table, -1 for those that are not Muon's. The
 * costliest first, each to the rank with the least work so far (Graham 1969): the most loaded
 * rank has at most 4/3 of the least that is possible. */
void muon_assign(const struct tensor_table *table, int world_size, int *workers);

void muon_init(struct muon *muon, const struct world *world, const struct tensor_table *table);
void muon_release(struct muon *muon);
/* What the scratch of a rank takes. */
size_t muon_bytes(const struct tensor_table *table, int rank, int world_size);

/* Collective. Each rank's slice of `directions` [element_count] becomes, within Muon's tensors,
 * 0.2 sqrt(max(rows, cols)) times the orthogonalisation. What lies outside the slice is used as
 * scratch; the slice's other elements are left alone. */
void muon_orthogonalise(struct muon *muon, struct kernels *kernels, float *directions);

/* Floating-point operations of muon_orthogonalise in products, over all ranks. */
int64_t muon_flops(const struct tensor_table *table);

#endif
