#!/usr/bin/env bash
# The first promise, end to end: the digest of all state does not know the number of ranks,
# of threads, of restarts, or how a run was killed.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=2 --width=32 --heads=4 --kv_heads=2 --seq_len=32 --leaves=6 --leaf_sequences=2
       --micro_batch=1 --warmup_steps=2 --log_every=1'

train() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --threads=1 --corpus=corpus --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

for family in gpt2 llama; do
    heads=$([ $family = gpt2 ] && echo --kv_heads=4)

    begin "${family}_trains_on_one_rank"
    train 1 "$family-1" --family=$family $heads --steps=8
    expect_success
    oracle=$(digest "$family-1")
    expect test -n "$oracle"

    for ranks in 2 3 4 5 8; do
        begin "${family}_has_the_same_bits_on_${ranks}_ranks"
        train $ranks "$family-$ranks" --family=$family $heads --steps=8
        expect_success
        expect_equal "$(digest "$family-$ranks")" "$oracle"
    done

    begin "${family}_has_the_same_bits_on_two_threads"
    train 2 "$family-threads" --family=$family $heads --steps=8 --threads=2
    expect_success
    expect_equal "$(digest "$family-threads")" "$oracle"

    begin "${family}_with_muon_has_the_same_bits_after_stops_and_on_other_ranks"
    train 1 "$family-muon-1" --family=$family $heads --steps=8 --optimizer=muon
    expect_success
    train 4 "$family-muon" --family=$family $heads --steps=8 --optimizer=muon --stop_after=3
    expect_exit 75
    train 3 "$family-muon" --family=$family $heads --steps=8 --optimizer=muon --stop_after=5
    expect_exit 75
    train 2 "$family-muon" --family=$family $heads --steps=8 --optimizer=muon --threads=2
    expect_success
    expect_equal "$(digest "$family-muon")" "$(digest "$family-muon-1")"
    expect test "$(digest "$family-muon")" != "$oracle"

    begin "${family}_in_bf16_has_the_same_bits_on_three_ranks_as_on_one"
    train 1 "$family-bf16-1" --family=$family $heads --steps=8 --precision=bf16 --z_loss=1e-4
    expect_success
    train 3 "$family-bf16-3" --family=$family $heads --steps=8 --precision=bf16 --z_loss=1e-4
    expect_success
    expect_equal "$(digest "$family-bf16-3")" "$(digest "$family-bf16-1")"
    expect test "$(digest "$family-bf16-1")" != "$oracle"

    begin "${family}_within_documents_has_the_same_bits_on_other_ranks_and_threads"
    train 1 "$family-documents-1" --family=$family $heads --steps=8 --document_mask=true
    expect_success
    train 3 "$family-documents" --family=$family $heads --steps=8 --document_mask=true \
        --stop_after=3 --recompute=attention
    expect_exit 75
    train 2 "$family-documents" --family=$family $heads --steps=8 --document_mask=false
    expect_exit 2
    expect_says err "'document_mask' was true and is false"
    train 2 "$family-documents" --family=$family $heads --steps=8 --document_mask=true --threads=2
    expect_success
    expect_equal "$(digest "$family-documents")" "$(digest "$family-documents-1")"
    expect test "$(digest "$family-documents-1")" != "$oracle"

    begin "${family}_stopped_and_resumed_with_recomputation_has_the_same_bits"
    train 2 "$family-again" --family=$family $heads --steps=8 --stop_after=3 --recompute=attention
    expect_exit 75
    train 1 "$family-again" --family=$family $heads --steps=8 --recompute=block
    expect_success
    expect_equal "$(digest "$family-again")" "$oracle"

    begin "${family}_stopped_twice_and_resumed_on_other_ranks_has_the_same_bits"
    train 4 "$family-parts" --family=$family $heads --steps=8 --stop_after=3
    expect_exit 75
    train 3 "$family-parts" --family=$family $heads --steps=8 --stop_after=5
    expect_exit 75
    train 2 "$family-parts" --family=$family $heads --steps=8
    expect_success
    expect_equal "$(digest "$family-parts")" "$oracle"

    begin "${family}_killed_and_resumed_on_other_ranks_has_the_same_bits"
    train 1 "$family-whole" --family=$family $heads --steps=300
    expect_success
    # shellcheck disable=SC2086
    kill_once_saved 2 "$family-killed" $model --threads=1 --corpus=corpus --family=$family $heads \
        --steps=300 --save_every=10
    train 3 "$family-killed" --family=$family $heads --steps=300 --save_every=10
    expect_success
    expect_says err 'resuming run'
    expect_equal "$(digest "$family-killed")" "$(digest "$family-whole")"
done

begin biases_and_scaled_positions_have_the_same_bits_on_other_ranks_threads_and_restarts
biased='--steps=8 --attention_bias=true --mlp_bias=true --head_dim=6 --rope_scaling=llama3
        --rope_original_positions=16'
for precision in fp32 bf16; do
    # shellcheck disable=SC2086
    train 1 "biased-$precision-1" $biased --precision=$precision
    expect_success
    # shellcheck disable=SC2086
    train 3 "biased-$precision" $biased --precision=$precision --stop_after=3 --recompute=block
    expect_exit 75
    # shellcheck disable=SC2086
    train 2 "biased-$precision" $biased --precision=$precision --threads=2
    expect_success
    expect_equal "$(digest "biased-$precision")" "$(digest "biased-$precision-1")"
done
expect test "$(digest biased-fp32-1)" != "$(digest biased-bf16-1)"
# shellcheck disable=SC2086
train 1 biased-fp32-1 ${biased/head_dim=6/head_dim=8}
expect_exit 2
expect_says err "'head_dim' was 6 and is 8"

# Blocks for several parts of each rank's slice: tensors lie in ranges of many ranks.
large='--layers=3 --width=192 --steps=3 --check_every=1'
for optimizer in adamw muon; do
    begin "with_${optimizer}_slices_of_several_parts_are_saved_and_resumed_on_other_ranks"
    # shellcheck disable=SC2086
    train 1 "$optimizer-1" $large --optimizer=$optimizer
    expect_success
    for ranks in 2 4; do
        # shellcheck disable=SC2086
        train $ranks "$optimizer-parts" $large --optimizer=$optimizer --stop_after=$((ranks / 2))
        expect_exit 75
    done
    # shellcheck disable=SC2086
    train 3 "$optimizer-parts" $large --optimizer=$optimizer
    expect_success
    expect_equal "$(digest "$optimizer-parts")" "$(digest "$optimizer-1")"
done
