#!/usr/bin/env bash
# The commands for Slurm, as far as they go without one: tests/slurm has a cluster.
. "${0%/*}/lib.sh"
unset "${!SLURM_@}" "${!EON_CHAIN@}" EON_LAUNCHER EON_SITE EON_SBATCH
export HOME=$PWD

settings='--nodes=4 --time=1:00:00 --corpus=c --warmup_steps=1'

begin a_dry_run_prints_a_command_that_a_shell_reads_back
# shellcheck disable=SC2086  # several words
eon slurm submit $settings --run="it's \$(touch broken)" --dry_run
expect_success
eval "words=($(cat out))"
expect_equal "${words[0]}" sbatch
expect_equal "${words[-3]}" "--run=it's \$(touch broken)"
expect_absent broken "it's \$(touch broken)"

begin the_script_beside_the_program_is_submitted
# shellcheck disable=SC2086  # several words
eon slurm submit $settings --run=r --dry_run
expect_says out /slurm/train.sbatch
expect_says out "--output=r/slurm-%j.out"

begin a_percent_sign_in_a_name_is_no_pattern_of_sbatch
# shellcheck disable=SC2086  # several words
eon slurm submit $settings --run=100%j --dry_run
expect_says out "--output=100%%j/slurm-%j.out"

begin a_config_stands_in_the_command_as_it_is_now
printf '[optimizer]\nlr = 0.5\nwarmup_steps = 1\n' >my.ini
eon slurm submit my.ini --nodes=2 --time=5 --corpus=c --run=r --dry_run
expect_says out " --lr=0.5"
expect test -z "$(grep -o my.ini out)"

begin a_sites_file_is_read_before_the_submission
mkdir -p .config/eon
echo 'export SBATCH_ACCOUNT=project' >.config/eon/site.sh
# shellcheck disable=SC2086  # several words
eon slurm submit $settings --run=r --dry_run
expect_says out "$PWD/.config/eon/site.sh sbatch --parsable"
rm -r .config

begin a_study_has_an_array_for_each_number_of_nodes
eon slurm scaling --study=s --nodes=1,2 --threads_per_rank=1,2 --time=5 --corpus=c \
    --warmup_steps=1 --dry_run
expect_success
expect_equal "$(wc -l <out)" 3
expect_says out "--nodes=1 --array=0-1 "
expect_says out "--nodes=2 --array=0-3 "
expect_says out "--dependency=afterany:JOB:JOB"
expect_absent s

begin outside_of_a_job_nothing_runs
eon slurm run -- train --corpus=c --run=r
expect_refused "this is no job of Slurm's"
expect_absent r

begin a_run_that_is_not_there_has_no_status
eon slurm status nowhere
expect_refused "'nowhere' is no folder of a run"

begin a_shielded_program_does_not_hear_sigterm
run "$EON" slurm shield -- bash -c 'kill -TERM $$; echo alive'
expect_success
expect_says out alive
