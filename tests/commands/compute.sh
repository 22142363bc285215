#!/usr/bin/env bash
# eon compute: published models, numbers, a run's ledger, and wrong use.
. "${0%/*}/lib.sh"

member() { # FILE PATTERN: the first number after "PATTERN":
    sed -n "s/.*\"$2\": *\([-+.0-9e]*\).*/\1/p" "$1" | head -n 1
}

near() { # VALUE EXPECTED RELATIVE
    expect awk -v a="$1" -v b="$2" -v r="$3" 'BEGIN { d = a - b; exit !(d <= r*b && -d <= r*b) }'
}

begin gpt3_takes_ten_million_years_at_an_operation_a_nanosecond
eon compute --preset=gpt3-175b
expect_success
expect_says out "3.15e23"
expect_says out "9.98 million years"
expect_says out "1,797 years"
expect_says out "Brown et al. 2020"
expect_silent err

begin assumptions_are_printed_and_are_options
expect_says out "238 words a minute (--words_per_minute)"
expect_says out "0.75 words a token"
eon compute --preset=gpt3-175b --words_per_minute=164.5
expect_says out "2,601 years"
expect_says out "164.5 words a minute"
eon compute --preset=gpt3-175b --operations-per-second=1e18
expect_says out "3.65 days"

begin llama_405b_takes_over_a_billion_years
eon compute --preset=llama3.1-405b --json
expect_success
near "$(member out flops)" 3.79e25 0.001
near "$(member out compute_years)" 1.2e9 0.002

begin presets_are_listed_with_their_sources
eon compute --preset=list
expect_success
expect_says out "chinchilla-70b"
expect_says out "arXiv:2203.15556"
expect_says out "unpublished"

begin unknown_preset_is_refused_with_the_nearest
eon compute --preset=gpt3-175
expect_refused "did you mean 'gpt3-175b'?"

begin unpublished_tokens_are_asked_for
eon compute --preset=gpt2-124m
expect_refused "give --tokens"
eon compute --preset=gpt2-124m --tokens=10e9
expect_success
expect_says out "7.44e18"

begin numbers_alone_are_enough
eon compute --params=1e9 --tokens=2e10 --json
expect_success
near "$(member out flops)" 1.2e20 1e-9

begin wrong_use_is_refused_in_one_line
for arguments in "" "--params=1e9" "--tokens=1e9" "--params=-1 --tokens=1" "--params=nan --tokens=1" \
    "--words_per_minute=0 --preset=gpt3" "--reading_hours_per_day=25 --preset=gpt3" \
    "--preset=gpt3 --params=1" "--preset=gpt3 run" "run other" "--preste=gpt3"; do
    # shellcheck disable=SC2086
    eon compute $arguments
    expect_refused ""
done

amount() { # FLOPS STEPS
    printf '{"executed_flops": %s, "model_flops": %s, "tokens": %s, "steps": %s,' "$1" "$1" \
        "$(($2 * 1000))" "$2"
    printf '"wall_seconds": %s, "rank_seconds": %s, "available_flops": %s, "energy_joules": null}' \
        "$2" "$(($2 * 2))" "$(($2 * 2))e9"
}

ledger() {
    printf '{"format": "eon compute ledger", "version": 1, "restarts": 3, "ranks": 2,'
    printf '"peak_flops_per_second": 1e9, "training": %s,' "$(amount 5e10 100)"
    printf '"evaluation": %s, "generation": %s, "discarded": %s}\n' "$(amount 1e10 10)" \
        "$(amount 0 0)" "$(amount 2e10 40)"
}

begin run_prints_its_ledger_over_all_restarts
mkdir -p run && ledger >run/ledger.json
eon compute run
expect_success
expect_says out "2 ranks, 3 restarts"
expect_says out "8.00e10"
expect_says out "25.0%"
expect_says out "energy                       unknown"
eon compute run --json
expect_success
near "$(member out flops)" 8e10 1e-9
near "$(member out model_utilisation)" 0.25 1e-9

begin run_without_a_ledger_is_refused
mkdir -p empty
eon compute empty
expect_refused "empty/ledger.json"
eon compute nowhere
expect_refused "nowhere/ledger.json"

begin damaged_ledger_is_refused_wherever_it_is_cut
size=$(wc -c <run/ledger.json)
mkdir -p cut
for ((bytes = 0; bytes < size - 1; bytes += 37)); do
    head -c "$bytes" run/ledger.json >cut/ledger.json
    eon compute cut
    expect_refused "cut/ledger.json"
done

begin hostile_ledger_is_refused
sed 's/"steps": 100/"steps": -100/' run/ledger.json >cut/ledger.json
eon compute cut
expect_refused "steps"
rm cut/ledger.json && mkfifo cut/ledger.json
eon compute cut
expect_refused "cut/ledger.json"
rm cut/ledger.json && ln -s /dev/zero cut/ledger.json
eon compute cut
expect_refused "cut/ledger.json"
