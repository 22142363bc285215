/* trainer: everything that a rank holds while it trains.
 *
 * Each node holds a replica of the model, which its ranks share, and each rank a
 * slice of the optimizer's state. A rank computes the leaves of each global batch
 * that are its own; the gradient tree adds them to those of the others. See
 * train_step.c.
 */
#ifndef TRAINER_TRAINING_TRAINER_H
#define TRAINER_TRAINING_TRAINER_H

#include "comm/exchange_tuning.h"
#include "comm/node_vector.h"
#include "comm/world.h"
#include "shards/reading/batch_stream.h"
#include "shards/reading/corpus_mixture.h"
#include "shards/reading/shard_stager.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/kernels/kernels.h"
#include "trainer/model/model.h"
#include "trainer/optimizer/learning_rate.h"
#include "trainer/reports/compute_ledger.h"
#include "trainer/training/job_time.h"
#include "trainer/training/leaf_check.h"
#include "trainer/training/outer_step.h"
#include "trainer/training/replica_check.h"
#include "trainer/training/train_config.h"
#include "trainer/training/train_group.h"
#include "trainer/training/train_profile.h"
#include "trainer/training/validation.h"

/* What a run has done: saved, and all but the loss digested; the same on all ranks. */
struct train_progress {
    int64_t step;    /* the next one; the data's cursor is step * leaves * leaf_sequences */
    int64_t tokens;  /* that bore a loss */
    int64_t skipped; /* steps without an update: their gradient was not finite */
    int64_t skipped_in_a_row;
    double loss; /* of the last step */
};

struct trainer {
    const struct world *world;
    struct world apart;          /* share_memory = false: that world */
    const struct world *machine; /* the same ranks, as they lie on nodes in any case */
    const struct train_config *config;

    struct tokenizer *tokenizer;
    struct corpus_mixture *mixture; /* the training split of each corpus */
    struct batch_stream *batches;
    struct shard_stager *stager; /* of the first rank of a node; NULL: none */
    struct leaf_range leaves;    /* of this rank */
    int64_t *leaf_ends;          /* [world size] where the leaves of each rank end */
    double *leaf_values;         /* [own leaves, LEAF_VALUES] of this step: see train_leaf.h */

    struct kernels kernels;
    struct node_vector *parameters;  /* the run's: a copy for each node */
    struct model model;              /* that is validated and saved */
    struct exchange_tuning tuning;   /* of the messages in which gradients cross nodes */
    struct activations *activations; /* of one micro-batch */
    struct train_group *groups;      /* [group_count] that this rank is one of */
    int group_count;
    struct outer_step *outer; /* NULL: one group, which trains the run's parameters */
    struct learning_rate schedule;
    struct replica_check *checks; /* [check_count] of each group's parameters, then of the run's */
    int check_count;
    struct leaf_check leaf_check;
    struct validation validation;
    int64_t validated_step; /* -1: none yet */
    double validation_loss; /* after that step */

    struct run_saver *saver; /* once the run's folder is open */
    int run_lock;            /* rank 0's, from run_folder_open on */
    char *local_folder;      /* this node's, for local checkpoints; NULL: there are none */
    struct train_progress progress;
    struct compute_ledger ledger;
    struct train_profile profile;
    struct job_time job_time;
    double peak_flops; /* measured, FLOP/s of all ranks together */
};

/* Local: the part of trainer_open that the model has no part in: kernels, corpus, held-out text
 * of this rank. Closed by trainer_close too. */
enum status trainer_open_inputs(struct trainer *trainer, const struct world *world,
                                const struct train_config *config);
/* The node's cores divided by its ranks, but no more than the launcher bound this rank to. */
int trainer_threads(const struct world *world, int64_t asked);
/* How trainer_start_reading reads the leaves of a rank, from the first step on. */
struct batch_stream_plan trainer_reading(const struct train_config *config,
                                         struct leaf_range leaves);

/* Collective. Opens the corpus, builds the model with its initial weights, and sees that all ranks
 * mean the same and add up right (comm/self_test.h). On an error what was opened is closed again by
 * trainer_close, which is always called. */
enum status trainer_open(struct trainer *trainer, const struct world *world,
                         const struct train_config *config);
/* Collective. Starts reading at progress.step: after a resume has set it. */
void trainer_start_reading(struct trainer *trainer);
/* Collective. All parameters are whole, for whoever reads them outside of a step. */
void trainer_gather(struct trainer *trainer);
void trainer_close(struct trainer *trainer); /* Collective */

#endif
