#!/usr/bin/env bash
# A training starts on four nodes, by srun and by mpirun, under any name, and is as on one rank.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

for launcher in srun mpirun; do
    export EON_LAUNCHER=$launcher

    begin "four_nodes_under_${launcher}_train_the_same_bits"
    submit_run $launcher
    expect_trained $launcher
    expect grep -q '4 ranks of 1 threads' $launcher/slurm-"$job".out
    expect_equal "$(starts_of $launcher)" 1
done
unset EON_LAUNCHER

begin srun_is_chosen_where_slurm_has_pmix
submit_run "chosen"
expect_trained chosen
expect grep -q '"launcher":"srun"' chosen/slurm.jsonl

begin status_tells_the_end_of_a_run
eon slurm status chosen
expect_says out "job $job: COMPLETED"
expect_says out "step $steps of $steps"
expect_says out "done"

# Without srun or mpirun one process would take itself for the whole world.
begin a_world_unlike_slurms_tasks_is_refused
# shellcheck disable=SC2086  # the model is several words
run sbatch --wait --nodes=2 --ntasks=2 --output=alone.out --wrap "'$EON' train $(echo $model) \
    --corpus=corpus --run=alone"
expect test "$exit_status" != 0
expect_says alone.out "the world has 1 rank, but Slurm started 2 tasks"
expect_absent alone

begin tasks_that_srun_starts_without_pmix_train_nothing
# shellcheck disable=SC2086  # the model is several words
run srun --nodes=2 --mpi=none "$EON" train $model --corpus=corpus --run=alone
expect test "$exit_status" != 0
expect_absent alone

# A name that a shell would run leaves the file `broken`.
begin names_break_out_of_no_quotes
strange='a '\''b" $(touch broken) `touch broken`; touch broken & %j \'
mkdir -p "$strange"
submit_run "$strange/run" --job_name='$(touch broken)'\''" `' --nodes=2
until_true is_done "$strange/run"
expect_equal "$(digest_of "$strange/run")" "$oracle"
expect_absent broken

begin a_name_with_a_line_end_is_refused
eon slurm submit --nodes=1 --time=1 --corpus=corpus --run=$'a\n$(touch broken)'
expect_refused "holds a line end"
eon slurm submit --nodes=1 --time=1 --corpus=corpus --run=r --job_name=$'a\n$(touch broken)'
expect_refused "holds a line end"

begin sbatch_takes_the_script_itself
# shellcheck disable=SC2086  # the model is several words
run env PATH="${EON%/*}:$PATH" sbatch --parsable --nodes=2 --time=10 --output=plain.out \
    "$EON_SOURCE/slurm/train.sbatch" $model --corpus=corpus --run=plain
expect_success
until_true is_done plain
expect_equal "$(digest_of plain)" "$oracle"

begin wrong_settings_are_refused_before_a_job_is_made
eon slurm submit --nodes=1 --time=1 --corpus=corpus --run=wrong --steps=5 --warmup_steps=9
expect_refused "warmup_steps (9) is above steps (5)"
expect_absent wrong

begin what_sbatch_refuses_is_no_job
eon slurm submit --nodes=1 --time=1 --corpus=corpus --run=wrong --warmup_steps=1 --partition=none
expect_exit 2
expect_says err "sbatch' refuses the job"

begin bad_input_ends_the_chain
submit_run bad --corpus=no-such-corpus --nodes=1
until_true grep -q '"event":"end"' bad/slurm.jsonl
expect_equal "$(starts_of bad)" 1
expect_reason bad "no-such-corpus"

begin a_corpus_is_built_by_a_job_with_the_same_bytes
run env PATH="${EON%/*}:$PATH" sbatch --parsable --nodes=2 --time=10 --output=shards.out \
    "$EON_SOURCE/slurm/shards.sbatch" --tokenizer=tokenizer.json --document_bytes=$document_bytes \
    --holdout=0.1 --out=built text.txt
expect_success
until_true grep -q '"reason":"done"' built.slurm.jsonl
expect_same_file built/corpus.json corpus/corpus.json
