#!/usr/bin/env bash
# Slurm clusters as seen from the machine that they are made on: `cluster` and its exit statuses.
. "${0%/*}/../commands/lib.sh"

slurm=$(cd "${0%/*}" && pwd)
why_not=$("$slurm/cluster" --nodes=1 -- true 2>&1)
no_slurm=$(($? == 77))
needs_slurm() { # or the case is skipped
    [ $no_slurm = 0 ] || skip "${why_not##*skipped: }"
}

cluster() { # OPTION... -- COMMAND...
    run timeout --kill-after=15 60 "$slurm/cluster" "$@"
}

begin wrong_use_is_said
cluster --nodes=4
expect_refused 'no command'
cluster --node=4 -- true
expect_refused "unknown option '--node=4'"

begin a_command_runs_on_the_head_and_its_status_is_passed_on
needs_slurm
cluster --nodes=2 -- sh -c 'hostname; srun --nodes=2 hostname | sort; exit 7'
expect_exit 7
expect_equal "$(tr '\n' ' ' <out)" 'head node1 node2 '

begin two_clusters_run_at_the_same_time
needs_slurm
if still_good; then
    "$slurm/cluster" --nodes=1 -- sh -c 'touch first; until [ -e second ]; do sleep 0.01; done
        srun --job-name=one squeue --noheader --format=%j' >first.out 2>first.err &
    first=$!
    cluster --nodes=2 -- sh -c 'touch second; until [ -e first ]; do sleep 0.01; done
        srun --job-name=two squeue --noheader --format=%j'
    wait $first
    expect_equal "$? $(cat first.out)" '0 one'
    expect_success
    expect_equal "$(cat out)" two
fi

# A name that no other process on this machine bears.
mark=$(mktemp -u mark_XXXXXXXXXX)
echo "$mark" >mark
processes_with_mark() { grep -lsF -f mark /proc/[0-9]*/cmdline; }

begin no_job_is_left_of_a_cluster_that_is_killed
needs_slurm
if still_good; then
    "$slurm/cluster" --nodes=1 -- sh -c "srun sh -c 'touch up; sleep 60; : $mark'" \
        >killed.out 2>killed.err &
    job=$!
    until [ -e up ] || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
    expect test -n "$(processes_with_mark)"
    kill -KILL $job
    wait $job 2>/dev/null
    for _ in {1..100}; do
        [ -n "$(processes_with_mark)" ] || break
        sleep 0.05
    done
    expect_equal "$(processes_with_mark)" ''
fi
