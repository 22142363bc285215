#!/usr/bin/env bash
# Ranks, nodes and the batch host fail: each run ends trained.
. "${0%/*}/training.sh"

begin a_run_without_slurm_is_the_oracle
expect make_oracle

kill_a_rank() { # NODE
    local pid
    pid=$(on_node "$1" "pgrep -f '^[^ ]*eon train'" | tail -n 1)
    expect test -n "$pid"
    run on_node "$1" "kill -KILL $pid"
}

for launcher in srun mpirun; do
    export EON_LAUNCHER=$launcher

    begin "a_killed_rank_ends_the_job_which_goes_on_without_its_node_under_${launcher}"
    submit_run rank-$launcher --nodes=3-4
    until_step rank-$launcher 30
    kill_a_rank node2
    expect_trained rank-$launcher
    expect_reason rank-$launcher "node2 failed"
    expect grep -q '"nodes":"node\[1,3-4\]"' rank-$launcher/slurm.jsonl

    begin "a_dead_node_is_left_out_under_${launcher}"
    submit_run node-$launcher --nodes=3-4
    until_step node-$launcher 30
    run crash_node node3
    expect_trained node-$launcher
    expect grep -q '"nodes":"node\[1-2,4\]"' node-$launcher/slurm.jsonl
    expect boot_node node3
done
unset EON_LAUNCHER

begin a_dead_batch_host_loses_no_run
submit_run host --nodes=3-4
until_step host 30
run crash_node node1
expect_trained host
expect grep -q '"nodes":"node\[2-4\]"' host/slurm.jsonl
expect boot_node node1
