/* optimizer: from this rank's slice of the summed gradient to its slice of the parameters.
 *
 *   adamw   AdamW for all tensors (adamw.h)
 *   muon    Muon for the matrices of the layers (muon.h), AdamW for the rest
 *
 * Each rank holds the moments of its slice. Norms and biases do not decay: the tensor table says
 * which. Neither the number of ranks nor that of threads changes a bit.
 */
#ifndef TRAINER_OPTIMIZER_OPTIMIZER_H
#define TRAINER_OPTIMIZER_OPTIMIZER_H

#include "trainer/optimizer/adamw.h"
#include "trainer/optimizer/moments.h"
#include "trainer/optimizer/muon.h"

enum optimizer_kind { OPTIMIZER_ADAMW, OPTIMIZER_MUON };
extern const char *const optimizer_names[]; /* "adamw", "muon", NULL */

struct optimizer_settings {
    enum optimizer_kind kind;
    struct adamw_settings adamw;
    double weight_decay;
    double muon_momentum;
};

struct optimizer {
    struct optimizer_settings settings;
    const struct tensor_table *table;
    struct moments moments;
    struct muon muon; /* OPTIMIZER_MUON: who orthogonalises what */
    int64_t updates;  /* after the last one */
};

/* Local. `world` and `table` must outlive the optimizer. */
void optimizer_init(struct optimizer *optimizer, const struct optimizer_settings *settings,
                    const struct world *world, const struct tensor_table *table);
void optimizer_release(struct optimizer *optimizer);
/* What the optimizer of a rank takes. Local, pure. */
size_t optimizer_bytes(const struct optimizer_settings *settings, const struct tensor_table *table,
                       int rank, int world_size);

/* Collective. `parameters` and `gradient` are the whole flat vectors, of which this rank's slice
 * is valid; afterwards its slice of the parameters is updated, and the gradient is used up. The
 * gradient is scaled by `gradient_scale` (1 / tokens, times the clipping factor) on the way. */
void optimizer_update(struct optimizer *optimizer, struct kernels *kernels, float *parameters,
                      float *gradient, double learning_rate, double gradient_scale);

/* Floating-point operations of an update in matrix products, over all ranks. */
int64_t optimizer_flops(const struct optimizer *optimizer);

/* The state of tensor number `index` of the table in this rank's slice, for checkpoints: writes at
 * most MOMENTS_MOST and returns how many; 0 where none of the tensor is in the slice. */
enum { MOMENTS_MOST = 2 };
struct tensor_moment {
    const char *name;           /* by PyTorch's names: "exp_avg", "exp_avg_sq", "momentum_buffer" */
    const struct slice *ranges; /* [range_count] elements of the tensor, ascending */
    int64_t range_count;
    float *values; /* of the ranges, one behind the other */
};
int optimizer_tensor_moments(const struct optimizer *optimizer, int64_t index,
                             struct tensor_moment moments[MOMENTS_MOST]);

#endif
