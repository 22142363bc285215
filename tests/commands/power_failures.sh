#!/usr/bin/env bash
# A training that is killed at a call that changes its run's folder, with and without the loss of
# what was not synced: the newest complete checkpoint loads, and the resume ends like the oracle.
# EON_SOAK=1: at each such call.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"
. "${0%/*}/../faults/faulty_disk.sh"

# Before and after each call.
at_each_call() { # RANKS OPTIONS
    point_list "$1" "do=kill_before $2"
    point_list "$1" "do=kill_after $2"
}

begin the_shim_sees_a_training
make_oracle

begin a_kill_at_any_call_loses_nothing
for_each_point killed_at < <(at_each_call 1 '' | chosen 9)

begin a_power_failure_at_any_call_loses_nothing_that_was_saved
for_each_point killed_at < <(at_each_call 1 lose=all | chosen 25)

begin nor_does_one_by_which_some_was_written
for_each_point killed_at < <(at_each_call 1 lose=some | chosen 15)

begin a_kill_of_either_rank_loses_nothing
for_each_point killed_at < <(at_each_call 2 '' | chosen 3)

begin a_power_failure_of_two_ranks_loses_nothing_that_was_saved
for_each_point killed_at < <(at_each_call 2 'lose=all mates=mates' | chosen 5)

begin nor_does_one_by_which_each_rank_had_written_some
for_each_point killed_at < <(at_each_call 2 'lose=some mates=mates' | chosen 4)
