#!/usr/bin/env bash
# A training on a disk that refuses a call, or all from one on: said in one line, the checkpoints
# that were there stay, and training goes on where it can. EON_SOAK=1: each call that changes the
# run's folder.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"
. "${0%/*}/../faults/faulty_disk.sh"

# What was saved stays, and the run can be taken up again.
nothing_is_lost() { # RANKS
    whole_checkpoints_are_there
    resume_ends_like_the_oracle "$1"
}

ends_like_the_oracle() { # RANKS
    [ "$(digest_of here/run)" = "${oracle[$1]}" ] || echo "the digest is $(digest_of here/run)"
}

# A save that fails between others is a warning; the last one, or what a run begins with, is an end.
failing_at() { # MESSAGE RANKS SHIM_OPTION...
    local status=0 said
    train_small "$2" "trace=calls ${*:3}" || status=$?
    grep -q '^struck' calls.* || not_reached
    said=$(grep -c "$1" log)
    [ "$said" -le 1 ] || echo "said $said times: $(grep "$1" log | tr '\n' '|')"
    [ $status -le 1 ] || echo "exit status $status: $(tail -n 1 log)"
    if [ $status = 0 ]; then
        ends_like_the_oracle "$2"
        [ "$said" = 1 ] || [ "$(grep -c saved log)" = 4 ] || echo 'a save is missing and nothing says why'
    else
        [ "$said" = 1 ] || echo "ended with: $(tail -n 1 log)"
    fi
    nothing_is_lost "$2"
}

full() { failing_at 'No space left on device' "$@"; }
over_quota() { failing_at 'Disk quota exceeded' "$@"; }
broken() { failing_at 'Input/output error' "$@"; }
interrupted() { failing_at 'Interrupted system call' "$@"; }

# Every save from there on says once more that it failed; the last words are the run's one error.
failing_from() { # RANKS SHIM_OPTION...
    local status=0
    train_small "$1" "${*:2}" || status=$?
    [ $status -le 1 ] || echo "exit status $status: $(tail -n 1 log)"
    if [ $status = 0 ]; then
        ends_like_the_oracle "$1"
    else
        [ "$(grep '^eon: ' log | grep -cv '^eon: warning')" = 1 ] || echo "not one error: $(tr '\n' '|' <log)"
    fi
    [ "$(grep -c '^eon: warning.*is not saved, training goes on' log)" -le 3 ] ||
        echo "too many warnings: $(tr '\n' '|' <log)"
    nothing_is_lost "$1"
}

written_shortly() { # RANKS SHIM_OPTION...
    train_small "$1" "trace=calls ${*:2}" || echo "exit status $?: $(tail -n 1 log)"
    grep -q '^struck' calls.* || not_reached
    ends_like_the_oracle "$1"
    [ "$(grep -c saved log)" = 4 ] || echo 'not every step was saved'
    grep '^eon: ' log | grep -v 'metrics are lost' # a log: half a line of it is no line
}

begin the_shim_sees_a_training
make_oracle

begin a_full_disk_at_any_call_is_said_and_loses_nothing
for_each_point full < <(point_list 1 'do=fail error=ENOSPC' | chosen 20)

begin a_used_up_quota_is_too
for_each_point over_quota < <(point_list 1 'do=fail error=EDQUOT' | chosen 8)

begin an_input_or_output_error_is_too
for_each_point broken < <(point_list 1 'do=fail error=EIO' | chosen 12)

begin an_interrupted_call_is_too_or_is_made_again
for_each_point interrupted < <(point_list 1 'do=fail error=EINTR' | chosen 8)

begin a_short_write_is_continued
for_each_point written_shortly < <(point_list 1 do=short write | chosen 8)

begin a_disk_that_refuses_all_from_a_call_on_keeps_what_it_has
for_each_point failing_from < <(point_list 1 'do=fail error=EIO' | sed 's/ at=/ from=/' | chosen 8)

begin a_disk_that_fills_up_keeps_what_it_has
for_each_point failing_from < <(seq 3000 7001 420000 | sed 's/^/1 budget=/' | chosen 8)

begin a_fault_of_either_ranks_disk_is_said_once
for_each_point broken < <(point_list 2 'do=fail error=EIO' | chosen 5)
for_each_point full < <(point_list 2 'do=fail error=ENOSPC' | chosen 3)
