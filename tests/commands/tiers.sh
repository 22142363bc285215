#!/usr/bin/env bash
# runs alone: it measures
# Checkpoints in two tiers: frequent ones on the nodes, rare ones in the run's folder. What is lost
# with a killed run, or with a node, is no more than the steps since the last of either.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

network=$(cd "${0%/*}/../network" && pwd)
model='--family=llama --layers=2 --width=32 --heads=4 --kv_heads=2 --seq_len=32 --leaves=6
       --leaf_sequences=2 --micro_batch=1 --warmup_steps=2 --log_every=1 --threads=1 --corpus=corpus'
local_saves='--checkpoint_local_dir=local/%h --local_save_every=3'

why_not=$("$network/cluster" --nodes=1 -- true 2>&1)
no_network=$(($? == 77))
needs_network() { # or the case is skipped
    [ $no_network = 0 ] || skip "${why_not##*skipped: }"
}

train() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

steps_on() { # NODE: of the local checkpoints
    local path
    for path in "local/$1"/eon-*/checkpoints/step-*; do
        [ ! -e "$path" ] || basename "$path"
    done | tr '\n' ' '
}

# Trains until the nodes hold a step, or a later one; then all of it is killed at once. The lock goes
# with the last process that had the run open.
kill_at() { # STEP RUN COMMAND...
    still_good || return 0
    local job path step=0
    "${@:3}" >killed.out 2>killed.err </dev/null &
    job=$!
    until [ $step -ge "$1" ] || ! kill -0 $job 2>/dev/null; do
        for path in local/*/eon-*/checkpoints/step-*[0-9]; do
            [ ! -e "$path" ] || step=$((10#${path##*step-}))
        done
        sleep 0.01
    done
    # shellcheck disable=SC2046  # several numbers
    kill -KILL $(processes_below $job eon) $job
    wait $job 2>/dev/null
    expect test $step -ge "$1"
    expect timeout 10 flock "$2/lock" true
}

begin the_oracle_trains
expect make_corpus "$PWD/corpus"
train 2 oracle --steps=300
expect_success
still_good && oracle=$(digest oracle)
expect test -n "$oracle"

begin local_saves_change_no_bit_and_go_when_the_run_has_a_newer_one
# shellcheck disable=SC2086
train 2 quiet --steps=300 --save_every=20 $local_saves
expect_success
expect_equal "$(digest quiet)" "$oracle"
expect test "$(grep -c "saved in 'local/" err)" -ge 10
expect_equal "$(steps_on '*')" ''

begin a_step_that_is_due_in_both_is_saved_in_the_run_alone
# shellcheck disable=SC2086
train 2 both --steps=7 --save_every=6 $local_saves
expect_success
expect_equal "$(grep -c "step 3 saved in 'local/" err)" 1
expect_equal "$(grep -c "step 6 saved in 'local/" err)" 0
expect_equal "$(grep -c "step 6 saved in 'both'" err)" 1

begin a_killed_run_goes_on_from_the_local_step
rm -rf local
# shellcheck disable=SC2086
kill_at 9 killed mpirun -n 2 "$EON" train $model --run=killed --steps=300 --save_every=0 \
    $local_saves
expect_absent killed/checkpoints
# shellcheck disable=SC2086
train 3 killed --steps=300 --save_every=0 $local_saves
expect_success
expect_says err "is taken from the nodes' own folders"
expect_says err "resuming run 'killed' at step"
expect_equal "$(digest killed)" "$oracle"
expect_equal "$(steps_on '*')" ''

begin a_new_run_is_not_laid_over_local_checkpoints
rm -rf local
# shellcheck disable=SC2086
kill_at 9 again mpirun -n 2 "$EON" train $model --run=again --steps=300 --save_every=0 $local_saves
held=$(steps_on '*')
# shellcheck disable=SC2086
train 2 again --steps=300 --resume=no --save_every=0 $local_saves
expect_exit 2
expect_says err 'on its nodes: resume it, or choose another --run'
expect_equal "$(steps_on '*')" "$held"

begin one_that_is_begun_anew_in_its_place_does_not_take_them
rm -rf again
# shellcheck disable=SC2086
train 2 again --steps=5 --save_every=0 $local_saves
expect_success
expect test "$(grep -c "taken from the nodes" err)" = 0

begin a_full_disk_of_a_node_is_a_warning
rm -rf local
mkdir -p local
mount -t tmpfs -o size=100k tmpfs local 2>/dev/null || skip 'no tmpfs can be mounted here'
# shellcheck disable=SC2086
train 2 full --steps=300 --save_every=150 $local_saves
umount local 2>/dev/null
expect_success
expect_says err 'training goes on: step 3 is not saved on the nodes: '
expect_says err 'No space left on device'
expect_equal "$(digest full)" "$oracle"

begin a_folder_that_two_nodes_share_is_refused
needs_network
rm -rf local
# shellcheck disable=SC2086
run timeout 120 "$network/cluster" --nodes=2 --ranks_per_node=1 "$EON" train $model --run=one \
    --steps=4 --checkpoint_local_dir=local --local_save_every=1
expect_exit 2
expect_says err 'each needs its own'

begin restarts_without_a_save_of_the_run_do_not_fill_its_disk
rm -rf local
for step in 3 103 203 303; do
    # shellcheck disable=SC2086
    kill_at $step often mpirun -n 2 "$EON" train $model --run=often --steps=100000 --save_every=0 \
        $local_saves
done
folders=(often/checkpoints/step-*)
expect test ${#folders[@]} = 2

# Killed with all its ranks; then a node comes back without what it held.
for lost in node1 node2; do
    begin a_run_that_loses_${lost}_goes_on_from_the_local_step
    needs_network
    rm -rf local
    # shellcheck disable=SC2086
    kill_at 6 lost-$lost "$network/cluster" --nodes=2 -- mpirun --host node1:2,node2:1 -n 3 "$EON" \
        train $model --run=lost-$lost --steps=300 --save_every=0 $local_saves
    rm -rf local/$lost
    # shellcheck disable=SC2086
    run timeout 120 "$network/cluster" --nodes=2 --ranks_per_node=1 "$EON" train $model \
        --run=lost-$lost --steps=300 --save_every=0 --local_save_every=50 \
        --checkpoint_local_dir=local/%h
    expect_success
    expect_says err "is taken from the nodes' own folders"
    expect_equal "$(digest lost-$lost)" "$oracle"
done

# On two nodes of two ranks group 1 lies on the first, group 2 on both, group 3 on the second.
begin a_run_of_groups_that_loses_a_node_goes_on_from_the_local_step
needs_network
rm -rf local
groups='--groups=3 --local_steps=4 --steps=100 --save_every=0'
# shellcheck disable=SC2086
train 2 groups $groups
expect_success
# shellcheck disable=SC2086
kill_at 6 groups-lost "$network/cluster" --nodes=2 --ranks_per_node=2 "$EON" train $model $groups \
    --run=groups-lost $local_saves
rm -rf local/node1
# shellcheck disable=SC2086
train 3 groups-lost $groups --checkpoint_local_dir=local/node2
expect_success
expect_says err "is taken from the nodes' own folders"
expect_equal "$(digest groups-lost)" "$(digest groups)"
