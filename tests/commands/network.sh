#!/usr/bin/env bash
# Training over nodes that share nothing but a network: the bits of one rank on one host, however
# ranks are placed, and after a node's end. And the emulated cluster that shows it: tests/network.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

network=$(cd "${0%/*}/../network" && pwd)
probe=${EON%/*}/tests/commands/network_probe # made beside eon
model='--family=llama --layers=2 --width=32 --heads=4 --kv_heads=2 --seq_len=32 --leaves=6
       --leaf_sequences=2 --micro_batch=1 --warmup_steps=2 --log_every=1 --threads=1 --corpus=corpus'

why_not=$("$network/cluster" --nodes=1 -- true 2>&1)
no_network=$(($? == 77))
needs_network() { # or the case is skipped
    [ $no_network = 0 ] || skip "${why_not##*skipped: }"
}

cluster() { # OPTION... COMMAND...
    run timeout --kill-after=15 120 "$network/cluster" "$@"
}

train_on() { # RUN CLUSTER_OPTION... [-- mpirun OPTION...]: 8 steps
    # shellcheck disable=SC2086  # the model is several words
    cluster "${@:2}" "$EON" train $model --run="$1" --steps=8
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

begin each_node_is_a_host_of_its_own
needs_network
cluster --nodes=3 --ranks_per_node=2 "$probe" hosts
expect_success
expect_equal "$(tr '\n' ',' <out)" '0 node1 2,1 node1 2,2 node2 2,3 node2 2,4 node3 2,5 node3 2,'

begin a_command_runs_beside_the_nodes_and_its_status_is_passed_on
needs_network
cluster --nodes=2 -- sh -c 'hostname; on_node node2 hostname; exit 7'
expect_exit 7
expect_equal "$(tr '\n' ' ' <out)" 'head node2 '

begin a_node_that_crashed_boots_with_the_same_address_and_an_empty_memory
needs_network
cluster --nodes=2 -- sh -c 'on_node node2 "touch /dev/shm/file \$EON_CLUSTER/shared/file"
    boot_node node2 || crash_node node2
    on_node node2 hostname || boot_node node2
    on_node node2 "ls /dev/shm \$EON_CLUSTER/shared; hostname -I"
    mpirun --host node1,node2 "$0" hosts' "$probe"
expect_success
expect_says err "cannot boot 'node2': it is up"
expect_says err "'node2' is down"
expect_equal "$(tr -s ' \n' ' ' <out)" '/dev/shm: cluster /dev/shm/cluster/shared: file '\
'10.0.0.2 0 node1 1 1 node2 1 '

begin wrong_use_of_the_cluster_is_said
needs_network
cluster --nodes=0 true
expect_exit 2
expect_one_line err
cluster --nodes=2
expect_exit 2
expect_one_line err

begin a_link_carries_its_rate_in_both_directions_at_once
needs_network
cluster --nodes=2 --rate=200mbit --ranks_per_node=1 "$probe" ring
expect_success
expect awk '$1 == "bytes_per_second" { found = $2 > 12e6 && $2 < 27e6 } END { exit !found }' out

begin two_clusters_run_at_the_same_time
needs_network
if still_good; then
    "$network/cluster" --nodes=2 -- sh -c 'touch first; until [ -e second ]; do sleep 0.01; done
        on_node node1 hostname' >first.out 2>first.err &
    first=$!
    cluster --nodes=2 -- sh -c 'touch second; until [ -e first ]; do sleep 0.01; done
        on_node node2 hostname'
    wait $first
    expect_equal "$? $(cat first.out)" '0 node1'
    expect_success
    expect_equal "$(cat out)" node2
fi

# A name that no other process on this machine bears.
mark=$(mktemp -u mark_XXXXXXXXXX)
echo "$mark" >mark
processes_with_mark() { grep -lsF -f mark /proc/[0-9]*/cmdline; }

for signal in TERM KILL; do
    begin nothing_is_left_of_a_cluster_that_SIG${signal}_ends
    needs_network
    if still_good; then
        rm -f up
        "$network/cluster" --nodes=2 -- sh -c "touch up; on_node node1 'sleep 60; : $mark'" \
            >cluster.out 2>cluster.err &
        job=$!
        until [ -e up ] || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
        expect test -n "$(processes_with_mark)"
        kill -$signal $job
        wait $job 2>/dev/null
        expect test $? -ne 0
        for _ in {1..100}; do
            [ -n "$(processes_with_mark)" ] || break
            sleep 0.05
        done
        expect_equal "$(processes_with_mark)" ''
    fi
done

begin one_rank_on_the_host_trains
expect make_corpus "$PWD/corpus"
# shellcheck disable=SC2086
eon train $model --run=host --steps=8
expect_success
still_good && oracle=$(digest host)
expect test -n "$oracle"

for ranks in 1 2; do
    begin four_nodes_of_${ranks}_ranks_have_the_bits_of_one_host
    needs_network
    train_on nodes-$ranks --nodes=4 --ranks_per_node=$ranks
    expect_success
    expect_equal "$(digest nodes-$ranks)" "$oracle"
done

begin nodes_of_three_and_of_two_ranks_have_the_bits_of_one_host
needs_network
train_on uneven --nodes=2 -- mpirun --host node1:3,node2:2 -n 5
expect_success
expect_equal "$(digest uneven)" "$oracle"

begin ranks_in_turn_over_the_nodes_have_the_bits_of_one_host
needs_network
cluster --nodes=3 -- mpirun --map-by node -n 6 "$probe" hosts
expect_equal "$(tr '\n' ',' <out)" '0 node1 2,1 node2 2,2 node3 2,3 node1 2,4 node2 2,5 node3 2,'
train_on turns --nodes=3 -- mpirun --map-by node -n 6
expect_success
expect_equal "$(digest turns)" "$oracle"

begin groups_over_nodes_have_the_bits_of_one_host
needs_network
# shellcheck disable=SC2086
eon train $model --run=groups --steps=8 --groups=3 --local_steps=3
expect_success
# shellcheck disable=SC2086
cluster --nodes=2 --ranks_per_node=2 "$EON" train $model --run=groups-nodes --steps=8 --groups=3 \
    --local_steps=3
expect_success
expect_equal "$(digest groups-nodes)" "$(digest groups)"

# What runs on the cluster: a node is ended once there is a checkpoint, and the status is mpirun's.
# That of Open MPI 4.1 says that the daemon of a node is lost, ends all ranks, and then waits for ever
# itself in 5 of 21 trials: it has three seconds more, as a batch system would limit it.
begin a_node_that_dies_ends_the_job_and_a_resume_has_the_bits_of_one_host
needs_network
# shellcheck disable=SC2086
eon train $model --run=whole --steps=200
expect_success
cat >crash <<END
set -u
mpirun -n 4 --map-by ppr:1:node $EON train $(echo $model) --run=crashed --steps=200 --save_every=10 &
job=\$!
until ls -d crashed/checkpoints/step-*0 || ! kill -0 \$job; do sleep 0.02; done >/dev/null 2>&1
crash_node node3
crashed=\$SECONDS
while grep -qsx eon /proc/[0-9]*/comm && [ \$((SECONDS - crashed)) -le 30 ]; do sleep 0.1; done
echo \$((SECONDS - crashed)) >ended_after
{ sleep 3 && kill -KILL \$job; } 2>/dev/null &
wait \$job
END
cluster --nodes=4 -- bash crash
for status in 0 77 124 125; do # not done, nor any end of the cluster's
    expect test "$exit_status" -ne $status
done
expect test "$(cat ended_after 2>/dev/null || echo 99)" -le 30
expect_says err node3
expect test ! -e crashed/checkpoints/step-00000200
# shellcheck disable=SC2086
cluster --nodes=3 --ranks_per_node=1 "$EON" train $model --run=crashed --steps=200 --save_every=10
expect_success
expect_says err 'resuming run'
expect_equal "$(digest crashed)" "$(digest whole)"
