#!/usr/bin/env bash
# precision = bf16 learns as fp32 does: the loss, smoothed over 20 steps, along 120 steps. At a
# learning rate whose steps are stable: at 3e-3 some seeds meet a spike after which fp32 itself,
# its rate changed by 1 part in 3000, goes another way by 0.6 %.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

train() { # RUN OPTION...
    eon train --layers=2 --width=64 --heads=4 --kv_heads=2 --seq_len=64 --leaves=2 --warmup_steps=10 \
        --steps=120 --lr=1e-3 --log_every=1 --corpus=corpus --run="$1" "${@:2}"
}

losses() { # RUN
    sed -n 's/.*"loss": *\([0-9.]*\).*/\1/p' "$1/metrics.jsonl"
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

for family in gpt2 llama; do
    begin "${family}_in_bf16_stays_within_two_thousandths_of_fp32"
    heads=$([ $family = gpt2 ] && echo --kv_heads=4)
    # shellcheck disable=SC2086
    train $family-fp32 --family=$family $heads
    expect_success
    # shellcheck disable=SC2086
    train $family-bf16 --family=$family $heads --precision=bf16
    expect_success
    # Observed, at most, over 8 seeds: 0.00004 for gpt2, 0.00014 for llama.
    furthest=$(paste <(losses $family-fp32) <(losses $family-bf16) | awk '
        { a += $1; b += $2 }
        NR % 20 == 0 { d = b / a - 1; if (d < 0) d = -d; if (d > most) most = d; a = b = 0 }
        END { print NR == 120 ? most : 1 }')
    expect awk -v d="$furthest" 'BEGIN { exit !(d > 0 && d < 0.002) }'
done
