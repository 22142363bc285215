#!/usr/bin/env bash
# The compute ledger over a kill and its resume: nothing that was done is forgotten.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=16 --heads=2 --seq_len=16 --leaves=2 --leaf_sequences=1
       --warmup_steps=0 --log_every=1 --threads=1 --schedule=constant'

train() { # OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon train $model --run=run --corpus=corpus "$@"
}

steps_of() { # PURPOSE FILE
    sed -n "/\"$1\": {/,/}/s/.*\"steps\": \([0-9]*\).*/\1/p" "$2"
}

begin ledger_counts_the_steps_of_a_start
expect make_corpus "$PWD/corpus"
train --steps=1000000 --stop_after=4
expect_exit 75
expect_equal "$(steps_of training run/ledger.json)" 4
expect_equal "$(steps_of discarded run/ledger.json)" 0
expect grep -q '"restarts": 0' run/ledger.json

begin steps_lost_to_a_kill_become_discarded
# shellcheck disable=SC2086
"$EON" train $model --run=run --corpus=corpus --steps=1000000 >out 2>err &
job=$!
until [ "$(steps_of training run/ledger.json)" -ge 12 ] || ! kill -0 $job 2>/dev/null; do
    sleep 0.05
done
kill -KILL $job
wait $job 2>/dev/null
before=$(steps_of training run/ledger.json)
train --steps=1000000 --stop_after=7
expect_exit 75
expect_equal "$(steps_of training run/ledger.json)" 7
expect_equal "$(steps_of discarded run/ledger.json)" "$((before - 4))"
expect grep -q '"restarts": 2' run/ledger.json

begin metrics_hold_every_step_once_after_a_kill
expect_equal "$(sed -n 's/.*"step": *\([0-9]*\).*"loss".*/\1/p' run/metrics.jsonl | tr '\n' ' ')" \
    "1 2 3 4 5 6 7 "

begin eon_compute_tells_the_share_of_discarded_work
eon compute run
expect_success
expect_says out "1 rank, 2 restarts"
eon compute run --json
total=$(sed -n '/"total": {/,/}/s/.*"steps": \([0-9]*\).*/\1/p' out)
expect_equal "$total" "$((before - 4 + 7))"
