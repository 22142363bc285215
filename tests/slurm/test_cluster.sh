#!/usr/bin/env bash
# The Slurm cluster on which the other tests stand: that it starts MPI's programs as a real one does,
# and treats jobs so when a node is lost, the controller starts again, or a better job comes.
. "${0%/*}/lib.sh"

probe=${EON%/*}/tests/commands/network_probe # made beside eon
four_hosts='0 node1 1,1 node2 1,2 node3 1,3 node4 1,'

begin four_nodes_are_idle_and_hosts_of_their_own
run sinfo --noheader --Node --partition=batch --format='%N %T'
expect_equal "$(tr '\n' ',' <out)" 'node1 idle,node2 idle,node3 idle,node4 idle,'
run srun --nodes=4 --label hostname
expect_equal "$(sort out | tr '\n' ',')" '0: node1,1: node2,2: node3,3: node4,'

begin srun_by_pmix_starts_a_world_of_four
run env SLURM_PMIX_FENCE=tree srun --nodes=4 --mpi=pmix "$probe" hosts # why: see README.md
expect_success
expect_equal "$(tr '\n' ',' <out)" "$four_hosts"

begin mpirun_in_a_job_starts_its_daemons_by_slurm
submit --nodes=4 --ntasks-per-node=1 --output=mpirun.out --wrap "mpirun $probe hosts"
until_job COMPLETED
expect_equal "$(tr '\n' ',' <mpirun.out)" "$four_hosts"

begin a_job_without_its_users_environment_has_what_the_machine_needs
submit --export=NONE --nodes=4 --ntasks-per-node=1 --output=bare.out \
    --wrap "env >bare.env; SLURM_EXPORT_ENV=ALL mpirun $probe hosts"
until_job COMPLETED
expect_equal "$(tail -n 4 bare.out | tr '\n' ',')" "$four_hosts"
expect_says bare.env OMPI_MCA_mpi_yield_when_idle=1
expect_says bare.env TMPDIR=/dev/shm
# Slurm sets OMPI_MCA_plm_slurm_args itself since 23.11.
expect_equal "$(grep -E '^(OMPI_MCA_(plm|btl|pml|orte_.*)=|EON)' bare.env)" ''

# Minutes long, unless it was requeued; says so once all its tasks run.
long_job='srun --label sh -c "echo begun; sleep $((SLURM_RESTART_COUNT ? 0 : 300))"'
all_have_begun() { # OUTPUT TASKS
    [ "$(grep -cs begun "$1")" = "$2" ]
}

begin a_job_whose_node_crashes_is_requeued_on_others
submit --nodes=2 --output=crashed.out --wrap "$long_job"
until_holds 30 all_have_begun crashed.out 2
expect crash_node node2
expect crash_node node4 # an idle one
until_restarted 1
expect_equal "$(job_field NodeList)" 'node[1,3]'
until_job COMPLETED

begin nodes_that_crashed_boot_and_are_idle
expect boot_node node2
expect boot_node node4
expect until_state idle
run srun --nodelist=node[2,4] --label hostname
expect_equal "$(sort out | tr '\n' ',')" '0: node2,1: node4,'

for how in '' --kill; do
    begin "a_job_does_not_see_that_the_controller_starts_again${how//-/_}"
    rm -f begun go
    submit --nodes=4 --output=controller.out \
        --wrap 'srun sh -c "touch begun; until [ -e go ]; do sleep 0.1; done; hostname"
            echo restarts $SLURM_RESTART_COUNT'
    until_holds 30 test -e begun
    [ -z "$how" ] || sleep 6 # until it has saved what it knows of the job
    # shellcheck disable=SC2086  # perhaps no word
    expect restart_controller $how
    touch go
    until_job COMPLETED
    expect_equal "$(sort controller.out | tr '\n' ',')" 'node1,node2,node3,node4,restarts,'
done

begin an_urgent_job_has_others_requeued
submit --partition=nograce --nodes=4 --ntasks-per-node=2 --open-mode=append \
    --output=preempted.out --wrap "$long_job"
until_holds 30 all_have_begun preempted.out 8
preempted=$job
submit --partition=urgent --nodes=4 --ntasks-per-node=2 --output=urgent.out --wrap 'srun hostname'
until_job COMPLETED
job=$preempted
until_restarted 1
until_job COMPLETED
expect_says preempted.out 'DUE TO PREEMPTION'
expect all_have_begun preempted.out 16
