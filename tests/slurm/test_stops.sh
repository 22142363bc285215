#!/usr/bin/env bash
# What Slurm and people stop goes on by itself, or where it was cancelled by the next submission.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

# Its minute passes while the cases below run. Nothing warns it (SIGURG is ignored), and it leaves no
# time over.
begin a_job_whose_time_is_over_goes_on_in_the_next
still_good && submit limit --nodes=1 --time=1 --sbatch=--signal=B:URG@1 --end_margin_s=0 --steps=200000 \
    --ranks_per_node=1
limit_job=$job
finish_case

for launcher in srun mpirun; do
    export EON_LAUNCHER=$launcher

    begin "a_warning_saves_once_and_the_job_goes_on_under_${launcher}"
    submit warned-$launcher --nodes=3
    until_step warned-$launcher 30
    run scancel --batch --signal=USR1 "$job"
    run scancel --batch --signal=USR1 "$job"
    expect_trained warned-$launcher
    expect_reason warned-$launcher "warned before the time limit"
    expect_equal "$(starts_of warned-$launcher)" 2

    begin "scancel_leaves_a_valid_checkpoint_under_${launcher}"
    submit cancelled-$launcher --nodes=3
    until_step cancelled-$launcher 30
    before=$(last_step cancelled-$launcher)
    run scancel "$job"
    until_true grep -q '"event":"end"' cancelled-$launcher/slurm.jsonl
    expect_reason cancelled-$launcher "cancelled"
    eon checkpoint verify cancelled-$launcher
    expect_success
    newest=$(sed -n 's/.*"event":"end".*"progress":\([0-9]*\).*/\1/p' cancelled-$launcher/slurm.jsonl)
    expect test "$newest" -ge "$before"

    begin "and_is_not_started_again_until_it_is_submitted_under_${launcher}"
    sleep 1
    expect_equal "$(job_state "$job")" CANCELLED
    expect_equal "$(starts_of cancelled-$launcher)" 1
    submit cancelled-$launcher --nodes=2
    expect_trained cancelled-$launcher
done
unset EON_LAUNCHER

begin a_run_stops_by_itself_before_its_time_is_over
submit timed --nodes=2 --time=1 --end_margin_s=52 --warn_seconds=1
expect_trained timed
expect_reason timed "saved before the end of its time"

begin a_requeue_by_hand_loses_an_interval_at_most
submit requeued --nodes=3
until_step requeued 30
run scontrol requeue "$job"
expect_success
expect_trained requeued

begin a_job_that_waits_is_told
submit waiting --sbatch=--hold
eon slurm status waiting
expect_says out "job $job: PENDING (JobHeldUser)"
run scancel "$job"

begin a_job_whose_time_is_over_is_requeued_and_resumes
job=$limit_job
until_true grep -q '"restart":1' limit/slurm.jsonl
expect_reason limit "the time limit was reached"
until_true grep -q 'resuming run' limit/slurm-"$job".out
run scancel "$job"
