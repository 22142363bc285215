#!/usr/bin/env bash
# Jobs that must make way for others, and a controller that is started again: each run ends trained.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

begin a_preempted_job_has_saved_and_goes_on
EON_LAUNCHER=mpirun submit_run preempted
until_step preempted 30
run sbatch --partition=urgent --nodes=1 --exclusive --output=/dev/null --wrap='sleep 1'
expect_trained preempted
expect_reason preempted "preempted"

begin one_preempted_without_grace_loses_an_interval_at_most
EON_LAUNCHER=srun submit_run nograce --partition=nograce
until_step nograce 30
run sbatch --partition=urgent --nodes=1 --exclusive --output=/dev/null --wrap='sleep 1'
expect_trained nograce

begin a_restarted_controller_is_not_noticed
submit_run controller --nodes=2
until_step controller 30
run restart_controller
expect_success
expect_trained controller
expect_equal "$(starts_of controller)" 1
