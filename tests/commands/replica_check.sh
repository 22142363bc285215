#!/usr/bin/env bash
# Comparing the ranks changes nothing of a run, and is told in the log and the ledger.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

train() { # RANKS RUN OPTION...
    eon_on "$1" train --corpus=corpus --run="$2" --threads=1 --layers=2 --width=32 --heads=4 \
        --seq_len=32 --leaves=3 --leaf_sequences=2 --warmup_steps=2 --log_every=1 --steps=8 "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

losses() { # RUN
    grep -o '"step":[0-9]*,"loss":[^,]*,"gradient_norm":[^,]*' "$1/metrics.jsonl"
}

# Of the work that left nothing behind.
discarded() { # RUN MEMBER
    tr -d ' \n' <"$1/ledger.json" | sed 's/.*"discarded":{\([^}]*\)}.*/\1/' | tr ',' '\n' |
        sed -n "s/^\"$2\"://p"
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

begin a_run_without_checks
train 1 without --check_every=0
expect_success
expect test "$(grep -c 'ranks agree' err)" = 0
expect test "$(discarded without executed_flops)" = 0.0
expect test "$(losses without | wc -l)" = 8

# With three leaves: three of one rank, some of each, one of each, and one rank without.
for ranks in 1 2 3 4; do
    begin "a_check_in_every_step_changes_no_bit_on_${ranks}_ranks"
    train $ranks "every-$ranks" --check_every=1
    expect_success
    expect test "$(grep -c 'ranks agree' err)" = 8
    expect_equal "$(digest "every-$ranks")" "$(digest without)"
    expect_equal "$(losses "every-$ranks")" "$(losses without)"
done

begin the_work_of_checks_is_counted_as_discarded
expect test "$(discarded every-1 executed_flops)" != 0.0
expect_equal "$(discarded every-3 executed_flops)" "$(discarded every-4 executed_flops)"
expect_equal "$(discarded every-3 model_flops)" 0.0
expect_equal "$(discarded every-3 steps)" 0

begin checks_may_begin_and_end_between_the_parts_of_a_run
train 2 parts --check_every=2 --stop_after=5 --micro_batch=2
expect_exit 75
expect test "$(grep -c 'ranks agree' err)" = 2
train 3 parts --check_every=0
expect_success
expect_equal "$(digest parts)" "$(digest without)"

begin bf16_with_recomputation_agrees_too
train 1 bf16 --check_every=0 --precision=bf16
expect_success
train 3 bf16-checked --check_every=1 --precision=bf16 --recompute=block --optimizer=adamw
expect_success
expect_equal "$(digest bf16-checked)" "$(digest bf16)"

begin muon_agrees_too
train 1 muon --check_every=0 --optimizer=muon
expect_success
train 3 muon-checked --check_every=1 --optimizer=muon
expect_success
expect_equal "$(digest muon-checked)" "$(digest muon)"
