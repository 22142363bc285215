#!/usr/bin/env bash
# Groups that train apart: fixed in number, so that a run has the same bits whoever carries them.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

# Parameters of three slices; 7 steps in rounds of 3.
model='--layers=2 --width=64 --ffn_width=192 --heads=4 --kv_heads=2 --seq_len=32 --leaves=12
       --leaf_sequences=1 --warmup_steps=2 --log_every=1 --steps=7 --local_steps=3'

train() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --threads=1 --corpus=corpus --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

numbers() { # RUN: what of its metrics no number of ranks may change
    sed 's/"tokens_per_second".*"elapsed_seconds":[^,}]*//' "$1/metrics.jsonl"
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

for groups in 2 3; do
    begin "${groups}_groups_train_on_one_rank"
    train 1 "$groups-on-1" --groups=$groups --check_every=2
    expect_success
    expect_says err "$groups groups train apart, and are averaged every 3 steps"
    oracle=$(digest "$groups-on-1")
    expect test -n "$oracle"

    for ranks in $([ $groups = 2 ] && echo 2 3 4 5 6 8 || echo 2 4 7); do
        begin "${groups}_groups_have_the_same_bits_on_${ranks}_ranks"
        train $ranks "$groups-on-$ranks" --groups=$groups --check_every=2
        expect_success
        expect_equal "$(digest "$groups-on-$ranks")" "$oracle"
        expect_equal "$(numbers "$groups-on-$ranks")" "$(numbers "$groups-on-1")"
    done

    begin "${groups}_groups_stopped_amid_rounds_and_resumed_on_other_ranks_have_the_same_bits"
    train 4 "$groups-parts" --groups=$groups --stop_after=2
    expect_exit 75
    train 1 "$groups-parts" --groups=$groups --stop_after=4
    expect_exit 75
    train 5 "$groups-parts" --groups=$groups
    expect_success
    expect_equal "$(digest "$groups-parts")" "$oracle"
done

begin four_groups_have_the_same_bits_on_three_ranks_and_on_sixteen
train 3 4-on-3 --groups=4
expect_success
train 16 4-on-16 --groups=4
expect_success
expect_equal "$(digest 4-on-16)" "$(digest 4-on-3)"

begin muon_has_the_same_bits_in_groups
train 1 muon-1 --groups=2 --optimizer=muon
expect_success
train 5 muon-5 --groups=2 --optimizer=muon
expect_success
expect_equal "$(digest muon-5)" "$(digest muon-1)"

begin one_group_is_training_without_groups
train 2 one --groups=1 --outer_lr=0.1
expect_success
train 3 none
expect_success
expect_equal "$(digest one)" "$(digest none)"
expect test "$(digest one)" != "$(digest 2-on-1)"

begin a_killed_run_goes_on_amid_a_round_on_other_ranks
train 1 whole --groups=2 --steps=120 --local_steps=7
expect_success
# shellcheck disable=SC2086
kill_once_saved 3 killed $model --threads=1 --corpus=corpus --groups=2 --steps=120 --local_steps=7 \
    --save_every=10
train 2 killed --groups=2 --steps=120 --local_steps=7 --save_every=10
expect_success
expect_says err 'resuming run'
expect_equal "$(digest killed)" "$(digest whole)"

begin a_model_is_written_to_be_used
run "$EON" generate --model=2-on-4 --prompt=struct --tokens=4 --seed=1
expect_success

begin groups_that_do_not_divide_the_leaves_are_refused
eon train --corpus=corpus --run=refused --leaves=12 --groups=5
expect_refused 'groups (5) does not divide leaves (12)'
eon train --corpus=corpus --run=refused --groups=0
expect_refused 'groups'
eon train --corpus=corpus --run=refused --groups=2 --local_steps=0
expect_refused 'local_steps'
eon train --corpus=corpus --run=refused --groups=2 --outer_momentum=1
expect_refused 'outer_momentum'
expect_absent refused

begin another_number_of_groups_is_refused
# shellcheck disable=SC2086
eon train $model --corpus=corpus --run=2-on-1 --groups=3
expect_refused "'groups' was 2 and is 3"
# shellcheck disable=SC2086
eon train $model --corpus=corpus --run=2-on-1 --groups=3 --accept_changes
expect_refused 'its number of groups is 2 and this run has 3'
# shellcheck disable=SC2086
eon train $model --corpus=corpus --run=none --groups=3 --accept_changes
expect_refused 'its number of groups is 1 and this run has 3'
