/* huggingface_tensors: which tensor of a published model is which of eon's.
 *
 *   published                       eon
 *   wte.weight                      transformer.wte.weight  the prefix may be absent, of all
 *   transformer.wte.weight          transformer.wte.weight  tensors or of none
 *   lm_head.weight                  -                       of a tied head: the embedding again
 *   h.0.attn.bias                   -                       buffers: what a model computes with
 *   h.0.attn.masked_bias            -                       and does not learn
 *   layers.0.self_attn.
 *       rotary_emb.inv_freq         -
 *
 * Every tensor must be one of these, of the model's shape and a type of floats, and none may be
 * missing.
 */
#ifndef TRAINER_MODEL_HUGGINGFACE_TENSORS_H
#define TRAINER_MODEL_HUGGINGFACE_TENSORS_H

#include "checkpoints/weight_files.h"
#include "trainer/model/model.h"

struct huggingface_tensors {
    const struct weight_tensor **sources;      /* [table->tensor_count] */
    const struct weight_tensor *repeated_head; /* that must equal the embedding; or NULL */
};

enum status huggingface_tensors_match(const struct weight_files *files,
                                      const struct model_config *config,
                                      const struct tensor_table *table,
                                      struct huggingface_tensors *out);
void huggingface_tensors_release(struct huggingface_tensors *tensors);

/* Reads both: bad input where a tied head is not the embedding. */
enum status huggingface_tensors_check_head(const struct huggingface_tensors *tensors,
                                           struct weight_files *files);

#endif
