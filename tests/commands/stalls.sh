#!/usr/bin/env bash
# runs alone: it measures
# A rank that hangs or is slow in a training is named; one that hangs ends the job.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=64 --heads=2 --seq_len=64 --leaf_sequences=2 --warmup_steps=0
       --log_every=1 --threads=1 --schedule=constant --steps=1000000 --save_every=0'

start_ranks() { # RANKS RUN OPTION...: in the background, until the first step is done
    rm -f job.err
    # shellcheck disable=SC2086
    mpirun -n "$1" "$EON" train $model --leaves="$1" --corpus=corpus --run="$2" "${@:3}" \
        >out 2>job.err </dev/null &
    job=$!
    until grep -qs '^step [0-9]*/' job.err || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
}

pid_of_rank() { # RANK
    local pid
    for pid in $(processes_below $job eon); do
        tr '\0' '\n' <"/proc/$pid/environ" | grep -qE "^(OMPI_COMM_WORLD|PMIX)_RANK=$1\$" &&
            echo "$pid" && return
    done
}

# A job that goes on for longer is killed, and its case fails.
wait_for_end() { # AT_MOST_SECONDS
    local begun=$SECONDS
    while kill -0 $job 2>/dev/null && [ $((SECONDS - begun)) -lt "$1" ]; do sleep 0.1; done
    if kill -0 $job 2>/dev/null; then
        not_ok "still running after $1 s"
        processes_below $job eon | xargs kill -KILL
    fi
    exit_status=0
    wait $job 2>/dev/null || exit_status=$?
    tr -d '\0' <job.err >err
    grep '^eon: ' err | grep -v '^eon: warning' >messages
}

stop_rank() { # RANK RUN OPTION...: with a timeout of 3 seconds, the job ends within 3 and a few
    start_ranks 3 "$2" --stall_timeout_s=3 "${@:3}"
    kill -STOP "$(pid_of_rank "$1")"
    wait_for_end 12
    expect test "$exit_status" = 1
    [ "$(wc -l <messages)" = 1 ] || not_ok "not one message: $(tr '\n' '|' <messages)"
    expect_says messages "rank $1 on "
    expect_says messages 'gives no sign of life'
    expect_says messages ' in operation '
    expect_absent /proc/$job
}

begin a_stopped_rank_is_named_and_the_job_ends
expect make_corpus "$PWD/corpus"
stop_rank 2 stopped
expect_says messages 'since'

begin the_last_operations_of_the_others_are_written_down
for rank in 0 1; do
    expect grep -q 'reduction of gradients' "stopped/flight/rank-$rank.txt"
    expect grep -q 'gathering of parameters' "stopped/flight/rank-$rank.txt"
done
expect grep -q 'rank 2 on .* gives no sign of life' stopped/flight/rank-0.txt

begin a_stopped_rank_0_is_named_by_another
stop_rank 0 silent
expect_says messages 'fatal: rank 1 on '
expect grep -q 'reduction of gradients' silent/flight/rank-1.txt silent/flight/rank-2.txt

begin a_rank_that_stops_while_data_travels_beside_its_passes_is_named
stop_rank 1 beside --overlap=on --share_memory=false
expect grep -q 'reduction of gradients' beside/flight/rank-0.txt beside/flight/rank-2.txt

begin a_job_that_was_suspended_as_a_whole_goes_on
start_ranks 2 suspended --stall_timeout_s=2
ranks=$(processes_below $job eon)
# shellcheck disable=SC2086
kill -STOP $ranks && sleep 4 && kill -CONT $ranks
sleep 1
expect kill -0 $job
lines=$(grep -c '^step ' job.err)
sleep 1
expect test "$(grep -c '^step ' job.err)" -gt "$lines"
# shellcheck disable=SC2086
kill -TERM $ranks
wait_for_end 20
expect grep -q 'stopped early' err

# Stopped half of the time, in turns shorter than a step.
slow_rank_1() { # RUN OPTION...
    start_ranks 2 "$1" --leaf_sequences=64 --steps=45 "${@:2}"
    slow=$(pid_of_rank 1)
    while kill -STOP "$slow" 2>/dev/null; do
        sleep 0.03
        kill -CONT "$slow" && sleep 0.03
    done 2>/dev/null
    wait_for_end 60
    expect_success
    expect grep -qE 'slow: rank 1 on .* [0-9.]+ times as long .* waited [0-9]+ % of the last 10' err
    expect_equal "$(grep -c 'slow: rank 0' err)" 0
}

begin a_rank_twice_as_slow_is_named
slow_rank_1 slow

begin a_slow_rank_is_named_where_data_travels_beside_the_passes
slow_rank_1 slow-beside --overlap=on
