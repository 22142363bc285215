/* train_config: the settings of a run, as `eon train` takes them and RUN/config.ini keeps them. */
#ifndef TRAINER_TRAINING_TRAIN_CONFIG_H
#define TRAINER_TRAINING_TRAIN_CONFIG_H

#include "base/options.h"
#include "comm/wire.h"
#include "trainer/model/model.h"
#include "trainer/optimizer/learning_rate.h"
#include "trainer/optimizer/optimizer.h"

enum precision { PRECISION_FP32, PRECISION_BF16 };
extern const char *const precision_names[]; /* "fp32", "bf16", NULL */

enum overlap_choice { OVERLAP_AUTO, OVERLAP_ON, OVERLAP_OFF };
extern const char *const overlap_names[]; /* "auto", "on", "off", NULL */

/* In the order and with the names of the options. Choices are indexes into their lists of names. */
struct train_config {
    char *run;
    char *init_from;
    int64_t seed, steps, stop_after, threads;
    char *kernels;
    int precision;
    double stall_timeout_s, end_margin_s;
    int overlap; /* enum overlap_choice */
    int wire;    /* enum wire */
    bool share_memory, shard_optimizer;

    char *corpus;
    int64_t seq_len, data_threads;
    char *shard_cache_dir;
    int64_t shard_cache_bytes;
    bool document_mask;

    int64_t leaves, leaf_sequences, micro_batch;
    int recompute;

    int64_t groups, local_steps;
    double outer_lr, outer_momentum;

    int family;
    int64_t layers, width, heads, kv_heads, ffn_width, max_positions;
    double norm_epsilon, rope_theta;
    bool tied_head;
    bool attention_bias, mlp_bias;
    int64_t head_dim;
    int rope_scaling; /* enum rope_scaling_kind */
    double rope_factor, rope_low_freq_factor, rope_high_freq_factor;
    int64_t rope_original_positions;

    int optimizer;
    double lr, lr_min;
    int schedule;
    int64_t warmup_steps;
    double decay_fraction, weight_decay, beta1, beta2, epsilon, muon_momentum, clip_norm, z_loss;
    int64_t max_skipped;

    int64_t save_every, save_memory_bytes, keep_last, keep_every;
    bool keep_best;
    char *checkpoint_local_dir;
    int64_t local_save_every;
    char *resume;
    bool accept_changes;
    int64_t check_every;

    int64_t log_every, validate_every, validate_sequences;
    bool profile;
};

extern const struct option_spec train_options[];

/* Fills in what is left to be derived (0: automatic) and refuses what does not fit together. */
enum status train_config_complete(struct train_config *config);
/* The same for settings of no run: `run` may be empty. */
enum status train_config_complete_model(struct train_config *config);

struct model_config train_config_model(const struct train_config *config, int64_t vocab_size);
enum element train_config_element(const struct train_config *config);
/* For a rank that computes so many leaves of a step, with so many ranks on its node. */
struct activations_plan train_config_activations(const struct train_config *config, int64_t leaves,
                                                 int node_size);
struct learning_rate train_config_schedule(const struct train_config *config);
struct optimizer_settings train_config_optimizer(const struct train_config *config);

/* Bad input that names the first key which decides a run's bits and differs in `ini_path`
 * (what the run was started with), with both values. */
enum status train_config_require_same(const struct train_config *config, const char *ini_path);

#endif
