#!/usr/bin/env bash
# What Slurm and people stop goes on by itself, or where it was cancelled by the next submission.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

# A rank that is stopped saves nothing, and SIGURG warns nobody. The minute passes while the cases
# below run.
begin a_job_that_hangs_to_its_limit_is_started
submit_run limit --nodes=2 --time=1 --sbatch=--signal=B:URG@1
until_step limit 30
run on_node node2 "pkill -STOP -f '^[^ ]*eon train'"
expect_success

begin a_run_that_nothing_warns_is_started
submit_run timed --nodes=1 --time=1 --sbatch=--signal=B:URG@1 --steps=20000
timed_job=$job

for launcher in srun mpirun; do
    export EON_LAUNCHER=$launcher

    begin "a_warning_saves_once_and_the_job_goes_on_under_${launcher}"
    submit_run warned-$launcher --nodes=2
    until_step warned-$launcher 30
    run scancel --batch --signal=USR1 "$job"
    run scancel --batch --signal=USR1 "$job"
    expect_trained warned-$launcher
    expect_reason warned-$launcher "warned before the time limit"
    expect_equal "$(starts_of warned-$launcher)" 2
    expect_equal "$(grep -o '^step [0-9]* saved' warned-$launcher/slurm-"$job".out | sort | uniq -d)" ""

    begin "scancel_leaves_a_valid_checkpoint_under_${launcher}"
    submit_run cancelled-$launcher --nodes=2
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
    submit_run cancelled-$launcher --nodes=2
    expect_trained cancelled-$launcher
done
unset EON_LAUNCHER

begin a_requeue_by_hand_loses_an_interval_at_most
submit_run requeued --nodes=2
until_step requeued 30
run scontrol requeue "$job"
expect_success
expect_trained requeued

begin a_job_that_waits_is_told
submit_run waiting --sbatch=--hold
eon slurm status waiting
expect_says out "job $job: PENDING (JobHeldUser)"
run scancel "$job"

begin and_has_saved_before_its_time_is_over
until_true grep -q '"restart":1' timed/slurm.jsonl
expect_reason timed "saved before the end of its time"
expect_little_again timed
run scancel "$timed_job"

begin the_job_that_hung_is_put_back_into_its_queue_when_its_time_is_over
expect_trained limit
expect_equal "$(starts_of limit)" 2
