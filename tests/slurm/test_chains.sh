#!/usr/bin/env bash
# Where jobs may not be requeued, others wait for their end; a run that makes no progress is given up.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

begin a_job_that_may_not_be_requeued_is_followed_by_another
submit_run chain --sbatch=--no-requeue
until_step chain 30
first=$job
run scancel --batch --signal=USR1 "$first"
until_true is_done chain
expect_equal "$(digest_of chain)" "$oracle"
expect_equal "$(grep -c '"chain":"'"$first"'"' chain/slurm.jsonl)" 2

begin nothing_waits_for_a_run_that_is_trained
sleep 1
expect_equal "$(squeue --noheader)" ""

begin a_cancelled_chain_has_no_next_job
submit_run cancelled --sbatch=--no-requeue
until_step cancelled 30
run scancel "$job"
until_true grep -q '"event":"end"' cancelled/slurm.jsonl
sleep 1
expect_equal "$(squeue --noheader)" ""
expect_reason cancelled "cancelled"

begin a_lost_batch_host_is_followed_as_well
submit_run lost --sbatch=--no-requeue --nodes=3-4
until_step lost 30
run crash_node node1
until_true is_done lost
expect_equal "$(digest_of lost)" "$oracle"
expect boot_node node1

# Its ranks find no way to talk to each other.
begin three_restarts_without_progress_are_the_last
OMPI_MCA_pml=none submit_run fruitless --nodes=2
until_true grep -q 'not started again: no progress in 3 restarts' fruitless/slurm.jsonl
expect_equal "$(starts_of fruitless)" 4
sleep 1
expect_equal "$(squeue --noheader)" ""
eon slurm status fruitless
expect_says out "no progress in 3 restarts"

begin and_are_forgotten_when_it_is_submitted_again
submit_run fruitless --nodes=2
until_true is_done fruitless
expect_equal "$(digest_of fruitless)" "$oracle"
