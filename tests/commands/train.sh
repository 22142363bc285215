#!/usr/bin/env bash
# What `eon train` refuses, keeps and tells.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=16 --heads=2 --seq_len=16 --leaves=2 --leaf_sequences=1
       --warmup_steps=0 --log_every=1 --threads=1'

train() { # OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon train $model --corpus=corpus "$@"
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

begin options_that_make_no_sense_are_refused_before_anything_starts
for option in --steps=-1 --steps=9223372036854775808 --steps=x --steps= --lr=nan --lr=inf --lr=-1 \
    --width=0 --heads=3 --kv_heads=4 --precision=fp7 --schedule=never --seed=-1 --leaves=0 \
    --micro_batch=3 --beta2=1 --threads=-2 --keep_last=0 --resume=maybe --resume=-3 --stop_after=1.5 \
    --tied_head=perhaps --optimizer=sgd --muon_momentum=1 --kernels=vax; do
    train --run=refused "$option"
    expect_exit 2
    expect_silent out
    expect_one_line err
    expect_absent refused
done

begin an_unknown_option_is_refused_with_the_nearest_one
train --run=refused --warmup_step=3
expect_refused "warmup_steps"

begin a_run_needs_a_folder_and_a_corpus
eon train
expect_exit 2
expect_one_line err

begin wrong_use_is_one_line_on_many_ranks
eon_on 3 train --run=refused --corpus=corpus --lr=nan
expect_exit 2
expect_equal "$(grep -c '^eon' err)" 1

begin a_missing_corpus_is_refused
eon train --corpus=nowhere --run=refused
expect_refused nowhere

begin an_unknown_key_in_a_config_names_its_line
printf 'steps = 3\nlearning_rate = 1\n' >bad.ini
eon train bad.ini --run=refused --corpus=corpus
expect_refused bad.ini:2

begin a_config_of_random_bytes_is_refused
head -c 4096 /dev/urandom >random.ini
eon train random.ini --run=refused --corpus=corpus
expect_exit 2
expect_one_line err

begin options_override_the_config
printf '[optimizer]\nsteps = 3\nlr = 0.5\n' >good.ini
# shellcheck disable=SC2086
eon train good.ini $model --run=overridden --corpus=corpus --lr=0.001
expect_success
expect grep -q '^lr = 0.001$' overridden/config.ini
expect grep -q '^steps = 3$' overridden/config.ini

begin the_metrics_have_a_line_a_step_and_the_validation
expect_equal "$(grep -c '"loss"' overridden/metrics.jsonl)" 3
expect_equal "$(grep -c validation_bits_per_byte overridden/metrics.jsonl)" 1

begin the_best_checkpoint_and_multiples_are_kept_beside_the_last
train --run=kept --steps=12 --lr=0.05 --save_every=1 --validate_every=3 --keep_every=4 --keep_best
expect_success
eon checkpoint list kept --json
best=$(sed -n 's/.*"validation_loss":\([0-9.]*\).*/\1 &/p' kept/metrics.jsonl | sort -n | head -n 1 |
    sed 's/.*"step":\([0-9]*\).*/\1/')
expect_equal "$(sed -n 's/.*"step": \([0-9]*\).*/\1/p' out | tr '\n' ' ')" \
    "$(printf '%s\n' 12 11 8 4 "$best" | sort -rnu | tr '\n' ' ')"

begin a_new_run_does_not_lie_on_top_of_an_old_one
train --run=overridden --steps=3 --resume=no
expect_refused "has checkpoints already"

begin a_resume_with_changed_settings_is_refused_with_the_difference
train --run=changed --steps=6 --stop_after=2
expect_exit 75
train --run=changed --steps=6 --lr=0.5
expect_refused "'lr' was 0.001 and is 0.5"
train --run=changed --steps=6 --lr=0.5 --accept_changes
expect_success

begin a_resume_from_a_step_that_is_not_there_is_refused
train --run=changed --steps=6 --lr=0.5 --accept_changes --resume=4
expect_exit 2
expect_one_line err

begin another_kernel_set_on_resume_is_refused
train --run=kernels --steps=6 --stop_after=2 --kernels=reference
expect_exit 75
if "$EON" doctor 2>/dev/null | grep -q 'kernel sets.*avx2'; then
    train --run=kernels --steps=6 --kernels=avx2
    expect_refused kernels
else
    skip 'this CPU runs the reference kernels alone'
fi

begin another_precision_on_resume_is_refused
train --run=precision --steps=6 --stop_after=2 --precision=bf16
expect_exit 75
expect_says err 'in bf16'
train --run=precision --steps=6
expect_refused "'precision' was bf16 and is fp32"

begin another_optimizer_on_resume_is_refused_whatever_is_accepted
train --run=optimizer --steps=6 --stop_after=2 --optimizer=muon
expect_exit 75
train --run=optimizer --steps=6
expect_refused "'optimizer' was muon and is adamw"
train --run=optimizer --steps=6 --accept_changes
expect_refused 'its optimizer is muon and this run'
train --run=optimizer --steps=6 --optimizer=muon --muon_momentum=0.9
expect_refused "'muon_momentum' was 0.95 and is 0.9"
train --run=optimizer --steps=6 --optimizer=muon
expect_success

begin muon_learns_faster_than_adamw
validation_loss() { # OPTIMIZER: 4.56 for adamw, 4.16 for muon
    train --run="learns-$1" --optimizer="$1" --steps=100 --lr=0.01 --width=32 --seq_len=32 \
        --leaf_sequences=2
    expect_success
    sed -n 's/.*"validation_loss": *\([0-9.]*\).*/\1/p' "learns-$1/metrics.jsonl"
}
adamw=$(validation_loss adamw) muon=$(validation_loss muon)
expect awk "BEGIN { exit !(0 < $muon && $muon < $adamw) }"

begin a_damaged_checkpoint_is_passed_over_for_the_one_before
train --run=damaged --steps=6 --save_every=2 --stop_after=4
expect_exit 75
printf 'X' | dd of=damaged/checkpoints/step-00000004/model.safetensors bs=1 seek=3000 conv=notrunc \
    2>/dev/null
train --run=damaged --steps=6
expect_success
expect_says err "step-00000004"
expect_says err "at step 2 of 6"

begin sigterm_saves_and_stops_with_75
# shellcheck disable=SC2086
"$EON" train $model --corpus=corpus --run=stopped --steps=1000000 >out 2>err &
job=$!
until [ -s stopped/metrics.jsonl ] || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
kill -TERM $job
wait $job
expect_equal $? 75
expect ls stopped/checkpoints/step-*/manifest.json >/dev/null

begin a_full_log_disk_does_not_end_the_training
mkdir -p fulldisk && ln -s /dev/full fulldisk/metrics.jsonl
train --run=fulldisk --steps=3
expect_success
expect_says err warning

begin a_profile_tells_where_the_time_went
train --run=profiled --steps=3 --profile=true
expect_success
for line in 'forward products' optimizer reading reduction gathering checking validation saving other; do
    expect grep -qE "^  $line +[0-9.]+ %" err
    expect grep -q "\"name\": \"$line\"" profiled/profile.json
done
expect grep -q '"steps": 3' profiled/profile.json

begin generate_continues_a_text_the_same_way_each_time
eon generate --model=overridden --prompt='struct ' --tokens=20 --seed=7
expect_success
cp out first
eon generate --model=overridden --prompt='struct ' --tokens=20 --seed=7
expect_same_file out first
eon generate --model=overridden --prompt='struct ' --tokens=20 --seed=7 --json
expect_says out '"tokens":20'

begin a_prompt_may_have_several_lines
eon generate --model=overridden --prompt=$'one\n\ntwo' --tokens=2
expect_success
expect_says out two

begin a_corpus_that_holds_nothing_out_is_trained_on_without_validation
run "$EON" shards build --tokenizer=tokenizer.json --holdout=0 --out=whole text.txt
expect_success
# shellcheck disable=SC2086
eon train $model --corpus=whole --run=unvalidated --steps=2
expect_success
expect_says err 'no validation'

begin a_corpus_shorter_than_one_sequence_is_refused
# shellcheck disable=SC2086
eon train $model --corpus=whole --run=unvalidated --steps=2 --seq_len=1000000
expect_exit 2
expect_one_line err

begin the_ledger_of_the_run_is_told
eon compute overridden
expect_success
expect_says out FLOP
