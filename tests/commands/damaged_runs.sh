#!/usr/bin/env bash
# A run whose newest checkpoint is damaged: 'eon checkpoint verify' and a resume find any byte that
# is flipped and any file that is missing, added or of another step; the checkpoint before it is used.
# EON_SOAK=1: each byte in turn, and random ones of a larger checkpoint; EON_SEED=N repeats those.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

seed=${EON_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
newest=damaged/checkpoints/step-00000004
before=damaged/checkpoints/step-00000003

train() { # RUN OPTION...
    eon train --layers=1 --heads=1 --seq_len=8 --leaves=2 --leaf_sequences=1 --warmup_steps=0 \
        --threads=1 --schedule=constant --validate_sequences=4 --save_every=1 --keep_last=2 \
        --corpus=corpus --run="$1" "${@:2}"
}

train_tiny() { # RUN OPTION...
    train "$1" --width=2 --ffn_width=2 "${@:2}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" 2>/dev/null | cut -d' ' -f1
}

flip() { # FILE PLACE BIT
    local byte
    byte=$(od -An -t u1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059  # the format is the byte
    printf "\\x$(printf %x $((byte ^ 1 << $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

begin_damage() {
    rm -rf damaged && cp -R stopped damaged
}

expect_found() { # WHAT
    still_good || return 0
    eon checkpoint verify damaged
    expect_exit 2
    expect_one_line err
    expect_says err "$newest"
    expect_equal "$(cat out)" "valid  $before  (step 3, 6 files)"
    still_good || case_verdict+=" ($1)"
}

expect_passed_over() { # WHAT
    still_good || return 0
    train_tiny damaged --steps=5
    expect_success
    expect_equal "$(grep -c 'a checkpoint is passed over' err)" 1
    expect_says err "resuming run 'damaged' at step 3"
    expect_equal "$(digest damaged)" "$oracle"
    still_good || case_verdict+=" ($1)"
}

# Of FILE's places those that this trial tries.
places() { # FILE COUNT
    local bytes
    bytes=$(wc -c <"$1")
    if [ -n "${EON_SOAK-}" ]; then
        seq 0 $((bytes - 1))
    else
        awk -v bytes="$bytes" -v count="$2" 'BEGIN { for (i = 0; i < count; i++) print int(i * (bytes - 1) / (count - 1)) }'
    fi
}

begin a_run_is_stopped_after_four_of_five_steps
cat "${0%/*}"/../../base/*.h >text.txt
"$EON" tokenizer train --vocab_size=257 --out=tokenizer.json text.txt >corpus.log 2>&1
"$EON" shards build --tokenizer=tokenizer.json --document_bytes=500 --holdout=0.1 --out=corpus \
    text.txt >>corpus.log 2>&1
train_tiny whole --steps=5
expect_success
oracle=$(digest whole)
train_tiny stopped --steps=5 --stop_after=4
expect_exit 75

begin a_missing_file_is_found
for file in stopped/checkpoints/step-00000004/*; do
    begin_damage
    rm "$newest/${file##*/}"
    expect_found "$file"
    expect_passed_over "$file"
done

begin an_empty_file_is_found
for file in stopped/checkpoints/step-00000004/*; do
    begin_damage
    : >"$newest/${file##*/}"
    expect_found "$file"
done

begin a_file_that_nobody_wrote_is_found
begin_damage
: >"$newest/model-00002.safetensors"
expect_found extra
expect_passed_over extra

begin a_file_of_another_step_is_found
for file in model.safetensors optimizer-00001-of-00001.safetensors state.json manifest.json; do
    begin_damage
    cp "$before/$file" "$newest/$file"
    expect_found "$file"
    expect_passed_over "$file"
done

begin two_files_with_each_others_names_are_found
begin_damage
mv "$newest/model.safetensors" aside
mv "$newest/optimizer-00001-of-00001.safetensors" "$newest/model.safetensors"
mv aside "$newest/optimizer-00001-of-00001.safetensors"
expect_found swapped
expect_passed_over swapped

begin a_checkpoint_under_another_steps_name_is_found
begin_damage
rm -r "$newest" && cp -R "$before" "$newest"
expect_found renamed
expect_passed_over renamed

begin a_flipped_bit_at_any_place_is_found
begin_damage
tried=0
for file in "$newest"/*; do
    for place in $(places "$file" 16); do
        still_good || break
        bit=$((RANDOM % 8))
        flip "$file" "$place" $bit
        expect_found "seed $seed: bit $bit of byte $place of $file"
        flip "$file" "$place" $bit
        tried=$((tried + 1))
    done
done
expect diff -r stopped/checkpoints damaged/checkpoints
echo "# seed $seed: $tried places"

begin a_resume_passes_over_what_has_a_flipped_bit
for file in model.safetensors optimizer-00001-of-00001.safetensors state.json tokenizer.json \
    manifest.json; do
    for ((trial = 0; trial < ${EON_SOAK:+50}+1; trial++)); do
        begin_damage
        place=$(((RANDOM * 32768 + RANDOM) % $(wc -c <"$newest/$file")))
        bit=$((RANDOM % 8))
        flip "$newest/$file" $place $bit
        expect_passed_over "seed $seed: bit $bit of byte $place of $file"
    done
done

[ -n "${EON_SOAK-}" ] || exit 0
begin a_flipped_bit_in_a_larger_checkpoint_is_found
train larger --width=512 --steps=5 --stop_after=4
expect_exit 75
rm -rf damaged && cp -R larger damaged
for ((trial = 0; trial < 200; trial++)); do
    still_good || break
    file=$newest/model.safetensors
    [ $((RANDOM % 2)) = 0 ] || file=$newest/optimizer-00001-of-00001.safetensors
    place=$(((RANDOM * 32768 + RANDOM) % $(wc -c <"$file")))
    bit=$((RANDOM % 8))
    flip "$file" $place $bit
    expect_found "seed $seed: bit $bit of byte $place of $file"
    flip "$file" $place $bit
done
expect diff -r larger/checkpoints damaged/checkpoints
