#!/usr/bin/env bash
# The first promise, for every way in which ranks exchange gradients and parameters: the digest does
# not know whether ranks of a node share memory, whether data travels beside the passes, or who holds
# the optimizer's state. What crosses as bf16 has bits of its own, and the same everywhere.
#
# EON_ALL=1: every combination at every world size (make soak).
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

# several parts of the parameters for each rank, and leaves that no world size divides but few
model='--family=gpt2 --layers=2 --width=128 --heads=4 --seq_len=32 --leaves=6 --leaf_sequences=2
       --micro_batch=1 --warmup_steps=2 --steps=4 --threads=1 --corpus=corpus --check_every=3'

train() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

declare -A oracle
for precision in fp32 bf16; do
    for wire in fp32 bf16; do
        begin "one_rank_trains_in_${precision}_with_a_wire_of_$wire"
        train 1 "one-$precision-$wire" --precision=$precision --wire=$wire
        expect_success
        oracle[$precision-$wire]=$(digest "one-$precision-$wire")
    done
done

begin a_wire_of_bf16_has_bits_of_its_own
expect test "${oracle[fp32-fp32]}" != "${oracle[fp32-bf16]}"

# share_memory overlap shard_optimizer
all_ways='true-on-true true-off-true false-on-true false-off-true
          true-on-false true-off-false false-off-false'
few_ways='false-on-true true-on-true false-off-false'
for ranks in 2 3 4 5 6 8 16; do
    for precision in fp32 bf16; do
        for wire in fp32 bf16; do
            if [ -n "${EON_ALL-}" ]; then
                ways=$all_ways
            else # another way for each
                read -r -a list <<<"$few_ways"
                ways=${list[turn++ % ${#list[@]}]}
            fi
            for way in $ways; do
                IFS=- read -r share overlap shard <<<"$way"
                run=run-$ranks-$precision-$wire-$way
                begin "${ranks}_ranks_in_${precision}_wire_${wire}_shared_memory_${share}_overlap_${overlap}_sharded_$shard"
                train "$ranks" "$run" --precision=$precision --wire=$wire --share_memory="$share" \
                    --overlap="$overlap" --shard_optimizer="$shard"
                expect_success
                expect_equal "$(digest "$run")" "${oracle[$precision-$wire]}"
            done
        done
    done
done

begin a_run_goes_on_with_other_ranks_and_in_other_ways
train 8 parts --stop_after=1 --share_memory=false --overlap=on
expect_exit 75
train 4 parts --stop_after=2 --shard_optimizer=false
expect_exit 75
train 3 parts --stop_after=3 --share_memory=false --shard_optimizer=false
expect_exit 75
train 16 parts --overlap=on
expect_success
expect_equal "$(digest parts)" "${oracle[fp32-fp32]}"

begin groups_have_the_same_bits_in_other_ways
train 1 groups-1 --groups=2 --local_steps=3
expect_success
for ranks in 3 5; do # a group of one rank beside one of two, and of two beside three
    train $ranks groups-$ranks --groups=2 --local_steps=3 --share_memory=false --overlap=on
    expect_success
    expect_equal "$(digest groups-$ranks)" "$(digest groups-1)"
    train $ranks groups-$ranks-whole --groups=2 --local_steps=3 --shard_optimizer=false
    expect_success
    expect_equal "$(digest groups-$ranks-whole)" "$(digest groups-1)"
done

begin muon_has_the_same_bits_where_nodes_hold_all_of_its_state
train 1 muon-1 --optimizer=muon
expect_success
train 4 muon-4 --optimizer=muon --shard_optimizer=false --share_memory=false
expect_success
expect_equal "$(digest muon-4)" "$(digest muon-1)"
