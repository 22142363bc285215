/* validation: the loss on held-out text.
 *
 * The held-out samples are cut into batches of the micro-batch's shape, shared
 * out over the ranks and added along the tree over the batches: the same bits
 * at every world size. A rank's samples are read once and stay in memory.
 */
#ifndef TRAINER_TRAINING_VALIDATION_H
#define TRAINER_TRAINING_VALIDATION_H

#include "comm/gradient_tree.h"
#include "shards/reading/corpus_mixture.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/model/model.h"

struct validation_plan {
    int64_t batch_sequences, seq_len; /* shape of a batch */
    int64_t sequences;                /* at most; 0: all */
    bool document_mask;               /* a token attends to its own document alone */
};

struct validation {
    struct validation_plan plan;
    int64_t sequences;         /* of all ranks */
    int64_t batches;           /* of all ranks; 0: nothing is held out */
    struct leaf_range own;     /* batches of this rank */
    int32_t *tokens, *targets; /* [own batches, batch_sequences, seq_len]; targets < 0: padding */
    int32_t *document_starts;  /* the same; NULL without the mask */
    const struct tokenizer *tokenizer;
};

struct validation_result {
    double loss;          /* mean over the targets, in nats */
    double bits_per_byte; /* total loss in bits over the bytes that the targets stand for */
    int64_t targets;
    double executed_flops; /* of all ranks */
};

/* Local. Reads this rank's share of the held-out splits: all of each corpus, or of each the same
 * share of it. */
enum status validation_open(struct validation *validation, const struct world *world,
                            const struct corpus_mixture *mixture, const struct tokenizer *tokenizer,
                            const struct validation_plan *plan);
void validation_release(struct validation *validation);

/* Collective. `activations` have the shape of a batch. */
struct validation_result validation_run(const struct validation *validation,
                                        const struct world *world, struct model *model,
                                        struct kernels *kernels, struct activations *activations);

#endif
