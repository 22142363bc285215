#!/usr/bin/env bash
# eon bench: what it tells of a small model, and wrong use.
. "${0%/*}/lib.sh"

small=(--layers=1 --width=32 --heads=2 --ffn_width=64 --vocab_size=96 --batch=1 --seq_len=16
    --repeats=2)

begin a_step_is_held_against_sgemm_and_the_ceilings
eon bench step "${small[@]}"
expect_success
for line in 'tokens a second' 'peak memory' 'products of cblas_sgemm' 'whole step of cblas_sgemm' \
    'products of the ceiling' 'whole step of the ceiling' 'the same in model operations'; do
    expect grep -qE "^  $line +[0-9.]+" out
done

begin the_profile_of_a_step_names_its_kernels
for kernel in 'forward products' 'weight gradients' 'head products' 'attention backward' \
    'optimizer' 'reduction' 'other'; do
    expect grep -qE "^  $kernel +[0-9.]+ %" out
done

begin bf16_and_ranks_are_measured_too
eon_on 2 bench step "${small[@]}" --precision=bf16 --threads=1 --json
expect_success
expect_says out '"precision":"bf16"'
expect_says out '"ranks":2'
expect_says out '"profile":{"steps":2'

begin an_unknown_precision_is_refused
eon bench step --precision=fp8
expect_refused 'fp8'
