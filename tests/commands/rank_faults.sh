#!/usr/bin/env bash
# runs alone: it measures
# One rank's trouble ends the job on all ranks, soon, with one message and a bad exit status.
. "${0%/*}/lib.sh"

program=${EON%/*}/tests/commands/rank_faults # made beside eon
unset SLURM_NTASKS SLURM_PROCID SLURM_STEP_ID

three_ranks_with() { # FAULT
    run timeout --kill-after=5 30 mpirun -n 3 "$program" "$1"
}

# mpirun adds lines of its own about the end of the job; that of Open MPI 5 ends them with a NUL.
expect_messages() { # NUMBER TEXT
    tr -d '\0' <err | grep '^eon: ' >messages
    [ "$(wc -l <messages)" = "$1" ] || not_ok "not $1 messages: $(tr '\n' '|' <messages)"
    expect_says messages "$2"
}

begin ranks_without_a_fault_succeed
three_ranks_with none
expect_success
expect_silent err

begin a_rank_killed_in_a_reduction_ends_the_job_and_is_named
three_ranks_with die-in-reduction
expect_exit 137
expect grep -q 'rank 1 .*signal 9' <(tr '\n' ' ' <err)

begin a_fatal_error_of_all_ranks_is_said_once
three_ranks_with fatal-on-all
expect_exit 1
expect_messages 1 'fatal: rank 0 on '

begin a_fatal_error_of_one_rank_names_it
three_ranks_with fatal-on-rank-2
expect_exit 1
expect_messages 1 'fatal: rank 2 on '

begin bad_input_of_one_rank_ends_all_with_status_2
three_ranks_with bad-input-on-rank-1
expect_exit 2
expect_messages 1 "cannot open shard 'x.h5': truncated at byte 4096"
expect_says messages 'rank 1 on '

begin bad_input_of_all_ranks_names_none
three_ranks_with bad-input-on-all
expect_exit 2
expect_messages 1 "eon: unknown key 'stesp'"

begin a_failing_mpi_call_is_named
three_ranks_with mpi-error
expect_exit 1
expect_messages 1 'MPI_Barrier failed: MPI_ERR_OTHER'
expect_says messages 'rank 1 on '

begin ranks_out_of_step_are_named_with_what_they_mean
three_ranks_with out-of-step
expect_exit 1
expect_messages 1 'ranks are out of step at operation '
expect_says messages " and 1 more are in 'sharing of memory' of 0 bytes; rank 1 on "
expect_says messages " is in 'barrier' of 0 bytes"

begin ranks_that_mean_another_size_are_out_of_step
three_ranks_with another-size
expect_exit 1
expect_messages 1 " and 1 more are in 'broadcast' of 4 bytes; rank 1 on "
expect_says messages " is in 'broadcast' of 3 bytes"

begin a_rank_that_leaves_early_is_named
three_ranks_with leaves-early
expect_exit 1
expect_messages 1 'ranks are out of step at operation '
expect_says messages " is in 'end of the program'"

begin a_rank_that_computes_for_too_long_is_named_with_what_it_does
three_ranks_with late
expect_exit 1
expect_messages 1 'rank 1 on '
expect_says messages ' is computing leaf 3 of step 17, after operation '
expect_says messages " and others wait for it in operation "
expect_says err 'last said to be: computing leaf 3 of step 17'

begin a_rank_that_is_late_in_its_group_is_named
three_ranks_with late-in-group
expect_exit 1
expect_messages 1 'rank 1 on '
expect_says messages ' is computing leaf 3 of step 17, after operation '

begin a_job_that_hangs_ends_also_where_ranks_cannot_see_each_other
three_ranks_with late-unseen
expect_exit 1
expect_messages 1 'rank 1 was never heard of (and 1 more alike); rank 0 waits for it in operation '

begin a_low_thread_level_is_refused_with_the_remedy
three_ranks_with low-thread-level
expect_exit 1
expect_messages 1 'use an MPI library that is built with thread support'

# As under srun without PMIx: each process believes that it is rank 0 of 1.
begin a_world_unlike_slurms_tasks_is_refused
run env SLURM_NTASKS=3 SLURM_PROCID=0 SLURM_STEP_ID=0 "$program" none
expect_refused 'the world has 1 rank, but Slurm started 3 tasks'

begin the_first_of_slurms_tasks_alone_says_so
run env SLURM_NTASKS=3 SLURM_PROCID=1 SLURM_STEP_ID=0 "$program" none
expect_exit 2
expect_silent err
