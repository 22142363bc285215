/* layer: one transformer layer, for both families. Private to trainer/model.
 *
 *   input -> norm -> qkv -> (rotate) -> attention -> project -> + input = middle
 *   middle -> norm -> expand -> activation -> contract -> + middle = output
 */
#ifndef TRAINER_MODEL_LAYER_H
#define TRAINER_MODEL_LAYER_H

#include "trainer/kernels/attention.h"
#include "trainer/model/activations.h"
#include "trainer/model/linear.h"

/* Where a decoder's keys and values of one layer are kept. */
struct key_value_cache {
    real *rows;        /* [positions, 2 KV HD]: keys, then values */
    int64_t positions; /* that are there before this pass */
};

struct layer_run {
    int64_t B, T;
    enum recompute recompute;
    const struct layer_activations *kept;
    const struct layer_scratch *scratch;
    const struct rope *rope;
    const int32_t *document_starts; /* of the batch */
    struct key_value_cache *cache;  /* NULL: keys and values are those of this pass alone */
    real *output;                   /* [BT,C] */
};

/* input -> output, all of kept being written on the way. */
void layer_forward(const struct pass *pass, const struct layer_plan *layer,
                   const struct layer_run *run);

/* The parts of forward that backward may have to do once more:
 * input -> qkv, attended; then input, attended -> middle, and its norm in scratch->normed. */
void layer_attend(const struct pass *pass, const struct layer_plan *layer,
                  const struct layer_run *run);
void layer_project(const struct pass *pass, const struct layer_plan *layer,
                   const struct layer_run *run);

/* scratch->dnormed through a norm of x: scratch->doutput += x' gradient, doutput_sums become its
 * sums, the norm's parameters' gradients are added to; dnormed is lost. */
void norm_plan_backward(const struct pass *pass, struct norm_plan plan, const real *x,
                        const struct norm_stats *stats, const struct layer_scratch *scratch,
                        int64_t rows);

/* scratch->doutput, with its sums, becomes the gradient of the input, in place, and parameters'
 * gradients are added to pass->gradient; kept->expanded is overwritten. */
void layer_backward(const struct pass *pass, const struct layer_plan *layer,
                    const struct layer_run *run);

/* The attention of `run`, on the rows of qkv that it kept, or on its cache. */
struct attention layer_attention(const struct pass *pass, const struct layer_run *run);

/* Rotates queries and keys in rows of qkv; direction -1: backward. Nothing for gpt2. */
void layer_rotate(const struct pass *pass, const struct layer_run *run, struct rows qkv,
                  real direction);

#endif
