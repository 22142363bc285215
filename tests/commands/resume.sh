#!/usr/bin/env bash
# A run that is taken up again: with the same bits, and whatever its folder holds by then.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=16 --heads=2 --seq_len=16 --leaves=2 --leaf_sequences=1
       --warmup_steps=0 --log_every=1 --threads=1 --schedule=constant'

train() { # RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon train $model --corpus=corpus --run="$1" "${@:2}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

# A run of 4 steps, stopped after 2 of them: what the cases below damage.
begin a_run_is_stopped
expect make_corpus "$PWD/corpus"
train stopped --steps=4 --stop_after=2
expect_exit 75

damage() { # NEW_RUN FILE TEXT: a copy of the run with the file's content replaced
    rm -rf "$1" && cp -R stopped "$1" && rm -rf "${1:?}/$2" && printf '%b' "$3" >"$1/$2"
}

# Refused, and every file of the run is as it was.
expect_refused_untouched() { # RUN TEXT
    cp -R "$1" "$1.before"
    train "$1" --steps=4
    expect_refused "$2"
    expect diff -r "$1.before" "$1"
    rm -rf "$1.before"
}

begin a_hundred_steps_are_two_times_fifty_and_the_sum_of_three_parts
train whole --steps=100
expect_success
train halves --steps=100 --stop_after=50
expect_exit 75
train halves --steps=100
expect_success
expect_equal "$(digest halves)" "$(digest whole)"
train thirds --steps=100 --stop_after=1
expect_exit 75
train thirds --steps=100 --stop_after=99
expect_exit 75
train thirds --steps=100
expect_success
expect_equal "$(digest thirds)" "$(digest whole)"

begin a_run_that_is_done_stays_as_it_is
before=$(digest whole)
train whole --steps=100
expect_success
expect_equal "$(digest whole)" "$before"

begin fewer_steps_than_were_taken_are_refused
train whole --steps=50 --accept_changes
expect_refused 'it is at step 100, beyond its 50 steps'

begin a_damaged_config_is_refused
for text in 'garbage' '[run\nsteps = 4\n' 'steps = 4\nsteps = 5\n' 'stepps = 4\n' '\0\0\0\0' \
    'steps = 9223372036854775808\n'; do
    damage config config.ini "$text"
    expect_refused_untouched config config.ini
done

begin a_missing_config_is_refused_unless_changes_are_accepted
damage config config.ini ''
rm -f config/config.ini
expect_refused_untouched config --accept_changes
train config --steps=4 --accept_changes
expect_success

begin a_config_that_is_no_file_is_refused
damage config config.ini ''
rm -f config/config.ini && mkfifo config/config.ini
train config --steps=4
expect_refused config.ini
rm -rf config

begin a_damaged_ledger_is_set_aside
train oracle --steps=4
for text in 'garbage' '{}' '' '[[[[' '{"format": "eon compute ledger", "version": 1}'; do
    damage ledger ledger.json "$text"
    train ledger --steps=4
    expect_success
    expect_equal "$(grep -c 'ledger.json.damaged' err)" 1
    expect_equal "$(cat ledger/ledger.json.damaged)" "$text"
    expect_equal "$(digest ledger)" "$(digest oracle)"
    eon compute ledger
    expect_success
done

begin a_ledger_that_is_no_file_is_set_aside
damage ledger ledger.json ''
rm -f ledger/ledger.json && mkdir -p ledger/ledger.json
train ledger --steps=4
expect_success
expect test -f ledger/ledger.json

begin damaged_metrics_are_set_aside
good=$(cat stopped/metrics.jsonl)
damage metrics metrics.jsonl "$good\ngarbage\n\0\0\0\n{}\n{\"step\": 1e99}\n"
cp metrics/metrics.jsonl damaged.jsonl
train metrics --steps=4
expect_success
expect_equal "$(grep -c 'metrics.jsonl.damaged' err)" 1
expect_same_file metrics/metrics.jsonl.damaged damaged.jsonl
expect_equal "$(head -n 2 metrics/metrics.jsonl)" "$good"
expect_equal "$(sed -n 's/.*"step": *\([0-9]*\).*"loss".*/\1/p' metrics/metrics.jsonl | tr '\n' ' ')" \
    '1 2 3 4 '
expect_equal "$(digest metrics)" "$(digest oracle)"

begin a_damaged_state_is_passed_over_but_never_for_a_fresh_start
damage state checkpoints/step-00000002/state.json '{}'
train state --steps=4
expect_exit 2
expect_silent out
expect_equal "$(grep -vc warning err)" 1
expect_says err 'none of its 1 checkpoints is valid'

begin checkpoints_that_are_no_folder_are_refused
damage none checkpoints ''
train none --steps=4
expect_exit 2
expect_one_line err
