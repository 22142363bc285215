#include "trainer/training/train_config.h"

#include <string.h>

#define AT(member)    offsetof(struct train_config, member)
#define SEQUENCES_MAX 4e18 /* the data's cursor counts them in 64 bits */

const char *const precision_names[] = { "fp32", "bf16", NULL };
const char *const overlap_names[] = { "auto", "on", "off", NULL };

/* clang-format off */
const struct option_spec train_options[] = {
    { .section = "run", .key = "run", .type = OPTION_TEXT, .offset = AT(run),
      .help = "the run's folder, made if absent: config, metrics, ledger, checkpoints" },
    { .key = "init_from", .type = OPTION_TEXT, .offset = AT(init_from), .default_text = "",
      .help = "checkpoint or run whose weights a new run begins with, and nothing else of it; "
              "empty: random ones" },
    { .key = "seed", .type = OPTION_INTEGER, .offset = AT(seed), .default_text = "1",
      .min = 0, .max = 9e15, .help = "of the initial weights and the data's order" },
    { .key = "steps", .type = OPTION_INTEGER, .offset = AT(steps), .default_text = "1000",
      .min = 1, .max = 1e12, .help = "optimizer updates in all" },
    { .key = "stop_after", .type = OPTION_INTEGER, .offset = AT(stop_after), .default_text = "0",
      .min = 0, .max = 1e12, .unit = "step",
      .help = "go no further than this: save and stop with exit status 75; 0: no such stop" },
    { .key = "threads", .type = OPTION_INTEGER, .offset = AT(threads), .default_text = "0",
      .min = 0, .max = 1024, .help = "of each rank; 0: the node's cores divided by its ranks" },
    { .key = "kernels", .type = OPTION_TEXT, .offset = AT(kernels), .default_text = "auto",
      .help = "kernel set: reference, avx2, avx512, amx; auto: the best that this CPU runs" },
    { .key = "precision", .type = OPTION_CHOICE, .offset = AT(precision), .default_text = "fp32",
      .choices = precision_names,
      .help = "of what products multiply; sums, weights and optimizer stay fp32" },
    { .key = "stall_timeout_s", .type = OPTION_NUMBER, .offset = AT(stall_timeout_s),
      .default_text = "600", .min = 0, .max = 1e6, .unit = "seconds",
      .help = "ranks wait so long for a late one, which is named when the job ends; 0: for ever" },
    { .key = "end_margin_s", .type = OPTION_NUMBER, .offset = AT(end_margin_s),
      .default_text = "60", .min = 0, .max = 1e6, .unit = "seconds",
      .help = "of a Slurm job's time to leave over, a tenth of it at most: the run saves and stops "
              "before it" },
    { .key = "overlap", .type = OPTION_CHOICE, .offset = AT(overlap), .default_text = "auto",
      .choices = overlap_names,
      .help = "ranks exchange gradients and parameters beside the passes; auto: on several nodes" },
    { .key = "wire", .type = OPTION_CHOICE, .offset = AT(wire), .default_text = "fp32",
      .choices = wire_names,
      .help = "gradients between nodes; bf16: half the bytes, and all sums rounded to bf16" },
    { .key = "share_memory", .type = OPTION_BOOL, .offset = AT(share_memory),
      .default_text = "true",
      .help = "between the ranks of a node; false: each as if it were alone on one" },
    { .key = "shard_optimizer", .type = OPTION_BOOL, .offset = AT(shard_optimizer),
      .default_text = "true",
      .help = "a rank holds its slice of the optimizer's state; false: each node all, no overlap" },

    { .section = "data", .key = "corpus", .type = OPTION_TEXT, .offset = AT(corpus),
      .help = "folder of shards, made by 'eon shards build'; or several: A:0.7, B:0.3" },
    { .key = "seq_len", .type = OPTION_INTEGER, .offset = AT(seq_len), .default_text = "256",
      .min = 1, .max = 1048576, .unit = "tokens", .help = "length of a training sequence" },
    { .key = "data_threads", .type = OPTION_INTEGER, .offset = AT(data_threads),
      .default_text = "1", .min = 1, .max = 64,
      .help = "of each rank that decode shards, ahead of their use" },
    { .key = "shard_cache_dir", .type = OPTION_TEXT, .offset = AT(shard_cache_dir),
      .default_text = "", .help = "folder on each node's own disk for copies of the next shards; "
                                  "empty: none" },
    { .key = "shard_cache_bytes", .type = OPTION_INTEGER, .offset = AT(shard_cache_bytes),
      .default_text = "64G", .min = 1, .max = 1e15, .unit = "bytes",
      .help = "that all copies in it take at most" },
    { .key = "document_mask", .type = OPTION_BOOL, .offset = AT(document_mask),
      .default_text = "false", .help = "a token attends to its own document alone" },

    { .section = "batch", .key = "leaves", .type = OPTION_INTEGER, .offset = AT(leaves),
      .default_text = "8", .min = 1, .max = 65536,
      .help = "slots of a global batch; ranks share them, more ranks than leaves idle" },
    { .key = "leaf_sequences", .type = OPTION_INTEGER, .offset = AT(leaf_sequences),
      .default_text = "4", .min = 1, .max = 65536, .help = "sequences in a leaf" },
    { .key = "micro_batch", .type = OPTION_INTEGER, .offset = AT(micro_batch), .default_text = "0",
      .min = 0, .max = 65536,
      .help = "sequences computed at once; divides leaf_sequences; 0: all of a leaf" },
    { .key = "recompute", .type = OPTION_CHOICE, .offset = AT(recompute), .default_text = "none",
      .choices = recompute_names,
      .help = "what backward computes again, to save memory: the same bits, more time" },

    { .section = "groups", .key = "groups", .type = OPTION_INTEGER, .offset = AT(groups),
      .default_text = "1", .min = 1, .max = 65536,
      .help = "that train apart on their share of the leaves, and are averaged now and then "
              "(DiLoCo); 1: none" },
    { .key = "local_steps", .type = OPTION_INTEGER, .offset = AT(local_steps),
      .default_text = "50", .min = 1, .max = 1e9, .unit = "steps",
      .help = "of each group between averages" },
    { .key = "outer_lr", .type = OPTION_NUMBER, .offset = AT(outer_lr), .default_text = "0.7",
      .min = 0, .max = 10, .help = "learning rate of the groups' mean change" },
    { .key = "outer_momentum", .type = OPTION_NUMBER, .offset = AT(outer_momentum),
      .default_text = "0.9", .min = 0, .max = 0.999999,
      .help = "Nesterov's momentum of the groups' mean change" },

    { .section = "model", .key = "family", .type = OPTION_CHOICE, .offset = AT(family),
      .default_text = "llama", .choices = model_family_names, .help = "architecture" },
    { .key = "layers", .type = OPTION_INTEGER, .offset = AT(layers), .default_text = "6",
      .min = 1, .max = 1024, .help = "transformer blocks" },
    { .key = "width", .type = OPTION_INTEGER, .offset = AT(width), .default_text = "256",
      .min = 1, .max = 65536, .help = "of the hidden state" },
    { .key = "heads", .type = OPTION_INTEGER, .offset = AT(heads), .default_text = "4",
      .min = 1, .max = 1024, .help = "attention heads; divides width" },
    { .key = "kv_heads", .type = OPTION_INTEGER, .offset = AT(kv_heads), .default_text = "0",
      .min = 0, .max = 1024, .help = "key-value heads (llama); 0: as many as heads" },
    { .key = "ffn_width", .type = OPTION_INTEGER, .offset = AT(ffn_width), .default_text = "0",
      .min = 0, .max = 1048576,
      .help = "of the feed-forward layer; 0: 4 width (gpt2), 8/3 width rounded up to 64 (llama)" },
    { .key = "max_positions", .type = OPTION_INTEGER, .offset = AT(max_positions),
      .default_text = "0", .min = 0, .max = 1048576,
      .help = "rows of gpt2's position table, llama's stated context; 0: seq_len" },
    { .key = "norm_epsilon", .type = OPTION_NUMBER, .offset = AT(norm_epsilon),
      .default_text = "1e-5", .min = 1e-12, .max = 0.1,
      .help = "added to the variance in the norms" },
    { .key = "rope_theta", .type = OPTION_NUMBER, .offset = AT(rope_theta), .default_text = "10000",
      .min = 1, .max = 1e9, .help = "base of the rotary positions (llama)" },
    { .key = "tied_head", .type = OPTION_BOOL, .offset = AT(tied_head), .default_text = "true",
      .help = "the head shares the embedding's weights" },
    { .key = "attention_bias", .type = OPTION_BOOL, .offset = AT(attention_bias),
      .default_text = "false",
      .help = "queries, keys, values and what attention gives have biases (llama; gpt2: always)" },
    { .key = "mlp_bias", .type = OPTION_BOOL, .offset = AT(mlp_bias), .default_text = "false",
      .help = "the feed-forward layer has biases (llama; gpt2: always)" },
    { .key = "head_dim", .type = OPTION_INTEGER, .offset = AT(head_dim), .default_text = "0",
      .min = 0, .max = 65536, .help = "width of a head (llama); 0: width / heads" },
    { .key = "rope_scaling", .type = OPTION_CHOICE, .offset = AT(rope_scaling),
      .default_text = "none", .choices = rope_scaling_names,
      .help = "how rotary positions are slowed for a longer context (llama)" },
    { .key = "rope_factor", .type = OPTION_NUMBER, .offset = AT(rope_factor), .default_text = "8",
      .min = 1, .max = 1e6, .help = "linear, llama3: so many times slower" },
    { .key = "rope_low_freq_factor", .type = OPTION_NUMBER, .offset = AT(rope_low_freq_factor),
      .default_text = "1", .min = 1e-6, .max = 1e6,
      .help = "llama3: pairs with fewer turns over the original positions are slowed in full" },
    { .key = "rope_high_freq_factor", .type = OPTION_NUMBER, .offset = AT(rope_high_freq_factor),
      .default_text = "4", .min = 1e-6, .max = 1e6,
      .help = "llama3: pairs with more turns over the original positions are not slowed" },
    { .key = "rope_original_positions", .type = OPTION_INTEGER,
      .offset = AT(rope_original_positions), .default_text = "8192", .min = 1, .max = 1048576,
      .help = "llama3: the context before it grew" },

    { .section = "optimizer", .key = "optimizer", .type = OPTION_CHOICE, .offset = AT(optimizer),
      .default_text = "adamw", .choices = optimizer_names,
      .help = "update rule; muon: for the layers' matrices, and adamw for all else" },
    { .key = "lr", .type = OPTION_NUMBER, .offset = AT(lr), .default_text = "1e-3",
      .min = 0, .max = 10, .help = "peak learning rate" },
    { .key = "lr_min", .type = OPTION_NUMBER, .offset = AT(lr_min), .default_text = "0",
      .min = 0, .max = 10, .help = "learning rate at the last step" },
    { .key = "schedule", .type = OPTION_CHOICE, .offset = AT(schedule), .default_text = "cosine",
      .choices = schedule_names, .help = "of the learning rate after the warm-up" },
    { .key = "warmup_steps", .type = OPTION_INTEGER, .offset = AT(warmup_steps),
      .default_text = "100", .min = 0, .max = 1e12, .help = "steps of linear warm-up" },
    { .key = "decay_fraction", .type = OPTION_NUMBER, .offset = AT(decay_fraction),
      .default_text = "0.2", .min = 0, .max = 1, .help = "wsd: share of the steps that decays" },
    { .key = "weight_decay", .type = OPTION_NUMBER, .offset = AT(weight_decay),
      .default_text = "0.1", .min = 0, .max = 10, .help = "decoupled; none on norms and biases" },
    { .key = "beta1", .type = OPTION_NUMBER, .offset = AT(beta1), .default_text = "0.9",
      .min = 0, .max = 0.999999, .help = "decay of the first moment" },
    { .key = "beta2", .type = OPTION_NUMBER, .offset = AT(beta2), .default_text = "0.95",
      .min = 0, .max = 0.999999, .help = "decay of the second moment" },
    { .key = "epsilon", .type = OPTION_NUMBER, .offset = AT(epsilon), .default_text = "1e-8",
      .min = 1e-30, .max = 1, .help = "added to the root of the second moment" },
    { .key = "muon_momentum", .type = OPTION_NUMBER, .offset = AT(muon_momentum),
      .default_text = "0.95", .min = 0, .max = 0.999999, .help = "muon: decay of the momentum" },
    { .key = "clip_norm", .type = OPTION_NUMBER, .offset = AT(clip_norm), .default_text = "1",
      .min = 0, .max = 1e9, .help = "largest global norm of the gradient; 0: no clipping" },
    { .key = "z_loss", .type = OPTION_NUMBER, .offset = AT(z_loss), .default_text = "0",
      .min = 0, .max = 1, .help = "weight of logZ^2 beside the loss: 1e-4 is usual; 0: none" },
    { .key = "max_skipped", .type = OPTION_INTEGER, .offset = AT(max_skipped), .default_text = "10",
      .min = 1, .max = 1e9,
      .help = "steps in a row with a non-finite gradient before the run ends" },

    { .section = "checkpoints", .key = "save_every", .type = OPTION_INTEGER,
      .offset = AT(save_every), .default_text = "500", .min = 0, .max = 1e12, .unit = "steps",
      .help = "between checkpoints; 0: only at the end and when stopped" },
    { .key = "save_memory_bytes", .type = OPTION_INTEGER, .offset = AT(save_memory_bytes),
      .default_text = "0", .min = 0, .max = 1e15, .unit = "bytes",
      .help = "of a rank for state that is being written while training goes on; 0: what it takes, "
              "up to half of the node's free memory" },
    { .key = "keep_last", .type = OPTION_INTEGER, .offset = AT(keep_last), .default_text = "2",
      .min = 2, .max = 1e6, .help = "newest checkpoints that are kept" },
    { .key = "keep_every", .type = OPTION_INTEGER, .offset = AT(keep_every), .default_text = "0",
      .min = 0, .max = 1e12, .unit = "steps",
      .help = "checkpoints of its multiples are kept for ever; 0: none" },
    { .key = "keep_best", .type = OPTION_BOOL, .offset = AT(keep_best), .default_text = "false",
      .help = "keep the one of the least held-out loss, of those saved when it was measured" },
    { .key = "checkpoint_local_dir", .type = OPTION_TEXT, .offset = AT(checkpoint_local_dir),
      .default_text = "",
      .help = "folder of each node itself, in memory or on its disk, for checkpoints between "
              "those; %h in it: the host's name; empty: none" },
    { .key = "local_save_every", .type = OPTION_INTEGER, .offset = AT(local_save_every),
      .default_text = "0", .min = 0, .max = 1e12, .unit = "steps",
      .help = "between checkpoints in checkpoint_local_dir; 0: none" },
    { .key = "resume", .type = OPTION_TEXT, .offset = AT(resume), .default_text = "auto",
      .help = "auto: from the newest valid checkpoint, if any; no: a new run; or a step" },
    { .key = "accept_changes", .type = OPTION_BOOL, .offset = AT(accept_changes),
      .default_text = "false",
      .help = "resume although settings that decide the run's bits have changed" },
    { .key = "check_every", .type = OPTION_INTEGER, .offset = AT(check_every),
      .default_text = "500", .min = 0, .max = 1e12, .unit = "steps",
      .help = "between comparisons of all ranks' parameters and of a leaf of each; 0: none" },

    { .section = "reports", .key = "log_every", .type = OPTION_INTEGER, .offset = AT(log_every),
      .default_text = "10", .min = 1, .max = 1e9, .unit = "steps",
      .help = "between lines of the log and of metrics.jsonl" },
    { .key = "validate_every", .type = OPTION_INTEGER, .offset = AT(validate_every),
      .default_text = "0", .min = 0, .max = 1e12, .unit = "steps",
      .help = "between validations on held-out text; 0: only at the end" },
    { .key = "validate_sequences", .type = OPTION_INTEGER, .offset = AT(validate_sequences),
      .default_text = "0", .min = 0, .max = 1e9,
      .help = "held-out sequences of a validation; 0: all" },
    { .key = "profile", .type = OPTION_BOOL, .offset = AT(profile), .default_text = "false",
      .help = "tell at the end where the time went, and write it to the run's profile.json" },
    { 0 }
};
/* clang-format on */

/* Keys that may change between the parts of one run: they decide no bit of its state. */
static const char *const free_keys[] = {
    "shard_cache_dir",
    "shard_cache_bytes",
    "run",
    "corpus",
    "data_threads",
    "threads",
    "stop_after",
    "save_every",
    "save_memory_bytes",
    "keep_last",
    "resume",
    "accept_changes",
    "check_every",
    "log_every",
    "validate_every",
    "validate_sequences",
    "max_skipped",
    "kernels",
    "recompute",
    "profile",
    "stall_timeout_s",
    "end_margin_s",
    "overlap",
    "share_memory",
    "shard_optimizer",
    "keep_every",
    "keep_best",
    "checkpoint_local_dir",
    "local_save_every",
    NULL,
};

/* A rank that is as if alone on a node would need a folder of its own. */
static enum status check_local(const struct train_config *config)
{
    const bool has_folder = config->checkpoint_local_dir[0] != '\0';
    if (config->local_save_every > 0 && !has_folder)
        return bad_input("local_save_every (%lld) needs a checkpoint_local_dir",
                         (long long)config->local_save_every);
    if (has_folder && !config->share_memory)
        return bad_input("checkpoint_local_dir needs share_memory");
    return STATUS_OK;
}

static enum status check_resume(const char *resume)
{
    if (strcmp(resume, "auto") == 0 || strcmp(resume, "no") == 0)
        return STATUS_OK;
    size_t digits = strspn(resume, "0123456789");
    if (digits == 0 || digits > 12 || resume[digits] != '\0')
        return bad_input("--resume: '%s' is not 'auto', 'no' or a step", resume);
    return STATUS_OK;
}

enum status train_config_complete(struct train_config *config)
{
    if (config->run[0] == '\0')
        return bad_input("the run's folder has no name: give --run");
    return train_config_complete_model(config);
}

enum status train_config_complete_model(struct train_config *config)
{
    if (config->micro_batch == 0)
        config->micro_batch = config->leaf_sequences;
    if (config->leaf_sequences % config->micro_batch != 0)
        return bad_input("micro_batch (%lld) does not divide leaf_sequences (%lld)",
                         (long long)config->micro_batch, (long long)config->leaf_sequences);
    if (config->leaves % config->groups != 0)
        return bad_input("groups (%lld) does not divide leaves (%lld)", (long long)config->groups,
                         (long long)config->leaves);
    if (config->kv_heads == 0)
        config->kv_heads = config->heads;
    if (config->ffn_width == 0)
        config->ffn_width = config->family == FAMILY_GPT2 ? 4 * config->width
                                                          : (config->width * 8 / 3 + 63) / 64 * 64;
    if (config->max_positions == 0)
        config->max_positions = config->seq_len;
    if (config->seq_len > config->max_positions)
        return bad_input("seq_len (%lld) is longer than max_positions (%lld)",
                         (long long)config->seq_len, (long long)config->max_positions);
    if (config->lr_min > config->lr)
        return bad_input("lr_min (%g) is above lr (%g)", config->lr_min, config->lr);
    if (config->warmup_steps > config->steps)
        return bad_input("warmup_steps (%lld) is above steps (%lld)",
                         (long long)config->warmup_steps, (long long)config->steps);
    if ((double)config->steps * (double)(config->leaves * config->leaf_sequences) > SEQUENCES_MAX)
        return bad_input("steps (%lld) of leaves (%lld) x leaf_sequences (%lld) are more than %g "
                         "sequences",
                         (long long)config->steps, (long long)config->leaves,
                         (long long)config->leaf_sequences, SEQUENCES_MAX);
    TRY(check_local(config));
    TRY(check_resume(config->resume));
    struct model_config model = train_config_model(config, 256);
    return model_config_check(&model);
}

struct model_config train_config_model(const struct train_config *config, int64_t vocab_size)
{
    return (struct model_config){
        .family = (enum model_family)config->family,
        .layers = config->layers,
        .width = config->width,
        .heads = config->heads,
        .kv_heads = config->kv_heads,
        .ffn_width = config->ffn_width,
        .vocab_size = vocab_size,
        .max_positions = config->max_positions,
        .norm_epsilon = config->norm_epsilon,
        .rope_theta = config->rope_theta,
        .tied_head = config->tied_head,
        .attention_bias = config->attention_bias,
        .mlp_bias = config->mlp_bias,
        .head_dim = config->head_dim,
        .rope_scaling = {
            .kind = (enum rope_scaling_kind)config->rope_scaling,
            .factor = config->rope_factor,
            .low_freq_factor = config->rope_low_freq_factor,
            .high_freq_factor = config->rope_high_freq_factor,
            .original_positions = config->rope_original_positions,
        },
    };
}

enum element train_config_element(const struct train_config *config)
{
    return config->precision == PRECISION_BF16 ? ELEMENT_BF16 : ELEMENT_REAL;
}

/* Pages cannot be lent to a gradient that the ranks of a node share. */
struct activations_plan train_config_activations(const struct train_config *config, int64_t leaves,
                                                 int node_size)
{
    return (struct activations_plan){
        .B = config->micro_batch,
        .T = config->seq_len,
        .for_training = true,
        .element = train_config_element(config),
        .recompute = (enum recompute)config->recompute,
        .lends = node_size == 1 && leaves == 1 && config->micro_batch == config->leaf_sequences,
    };
}

struct learning_rate train_config_schedule(const struct train_config *config)
{
    return (struct learning_rate){
        .kind = (enum schedule_kind)config->schedule,
        .peak = config->lr,
        .minimum = config->lr_min,
        .warmup_steps = config->warmup_steps,
        .total_steps = config->steps,
        .decay_fraction = config->decay_fraction,
    };
}

struct optimizer_settings train_config_optimizer(const struct train_config *config)
{
    return (struct optimizer_settings){
        .kind = (enum optimizer_kind)config->optimizer,
        .adamw = { config->beta1, config->beta2, config->epsilon },
        .weight_decay = config->weight_decay,
        .muon_momentum = config->muon_momentum,
    };
}

static bool is_free(const char *key)
{
    for (int i = 0; free_keys[i]; i++)
        if (strcmp(free_keys[i], key) == 0)
            return true;
    return false;
}

static enum status require_same_value(const struct option_spec *option,
                                      const struct train_config *before,
                                      const struct train_config *now)
{
    struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
    options_print_value(option, before, &old);
    options_print_value(option, now, &new);
    enum status status = STATUS_OK;
    if (strcmp(old.bytes, new.bytes) != 0)
        status = bad_input("cannot resume run '%s': '%s' was %s and is %s; give the same, or "
                           "--accept_changes",
                           now->run, option->key, old.bytes, new.bytes);
    strbuf_release(&old);
    strbuf_release(&new);
    return status;
}

enum status train_config_require_same(const struct train_config *config, const char *ini_path)
{
    struct train_config before;
    options_set_defaults(train_options, &before);
    enum status status = options_read_ini(train_options, &before, ini_path);
    if (status != STATUS_OK)
        status_prefix(status, "cannot resume run '%s' without --accept_changes", config->run);
    for (const struct option_spec *option = train_options; status == STATUS_OK && option->key;
         option++)
        if (!is_free(option->key))
            status = require_same_value(option, &before, config);
    options_release(train_options, &before);
    return status;
}
