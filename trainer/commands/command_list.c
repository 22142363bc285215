#include <stddef.h>

#include "trainer/commands/command.h"

extern const struct command command_bench_checkpoint;
extern const struct command command_bench_kernels;
extern const struct command command_bench_reduce;
extern const struct command command_bench_shards;
extern const struct command command_bench_step;
extern const struct command command_checkpoint_diff;
extern const struct command command_checkpoint_digest;
extern const struct command command_checkpoint_export;
extern const struct command command_checkpoint_import;
extern const struct command command_checkpoint_list;
extern const struct command command_checkpoint_prune;
extern const struct command command_checkpoint_verify;
extern const struct command command_compute;
extern const struct command command_compute_memory;
extern const struct command command_doctor;
extern const struct command command_generate;
extern const struct command command_logits;
extern const struct command command_report;
extern const struct command command_scaling;
extern const struct command command_shards_build;
extern const struct command command_shards_info;
extern const struct command command_shards_show;
extern const struct command command_shards_verify;
extern const struct command command_slurm_point;
extern const struct command command_slurm_run;
extern const struct command command_slurm_scaling;
extern const struct command command_slurm_shield;
extern const struct command command_slurm_status;
extern const struct command command_slurm_submit;
extern const struct command command_tokenizer_decode;
extern const struct command command_tokenizer_encode;
extern const struct command command_tokenizer_train;
extern const struct command command_train;

const struct command *const command_list[] = {
    &command_doctor,
    &command_tokenizer_train,
    &command_tokenizer_encode,
    &command_tokenizer_decode,
    &command_shards_build,
    &command_shards_verify,
    &command_shards_info,
    &command_shards_show,
    &command_train,
    &command_generate,
    &command_logits,
    &command_checkpoint_list,
    &command_checkpoint_verify,
    &command_checkpoint_digest,
    &command_checkpoint_diff,
    &command_checkpoint_export,
    &command_checkpoint_prune,
    &command_checkpoint_import,
    &command_report,
    &command_scaling,
    &command_compute_memory, /* before the command whose name it goes on from */
    &command_compute,
    &command_slurm_submit,
    &command_slurm_status,
    &command_slurm_scaling,
    &command_slurm_run,
    &command_slurm_point,
    &command_slurm_shield,
    &command_bench_kernels,
    &command_bench_step,
    &command_bench_reduce,
    &command_bench_shards,
    &command_bench_checkpoint,
    NULL,
};
