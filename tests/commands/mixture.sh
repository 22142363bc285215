#!/usr/bin/env bash
# Training on several corpora by weight, and which documents each step saw.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=16 --heads=2 --seq_len=16 --leaves=6 --leaf_sequences=2
       --warmup_steps=0 --log_every=1 --threads=1 --schedule=constant --steps=6'

train_on() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

build() { # FOLDER TEXT
    "$EON" shards build --tokenizer=tokenizer.json --document_bytes=300 --holdout=0.1 --out="$1" "$2" \
        >/dev/null
}

begin a_mixture_gives_the_same_bits_at_every_world_size
expect make_corpus "$PWD/corpus"
head -c 30000 text.txt >one.txt
tail -c 9000 text.txt >two.txt
expect build one one.txt
expect build two two.txt
train_on 1 alone --corpus='one:0.75, two:0.25'
expect_success
train_on 3 three --corpus='one:3,two:1' --data_threads=2
expect_success
expect_equal "$(digest three)" "$(digest alone)"

begin a_stopped_mixture_is_resumed_to_the_same_bits
train_on 2 parts --corpus='one:0.75, two:0.25' --stop_after=1
expect_exit 75
train_on 1 parts --corpus='one:0.75, two:0.25' --stop_after=4
expect_exit 75
train_on 3 parts --corpus='one:0.75, two:0.25'
expect_success
expect_equal "$(digest parts)" "$(digest alone)"

begin other_weights_or_another_order_are_refused
train_on 1 weights --corpus='one:0.75, two:0.25' --stop_after=2
expect_exit 75
for corpus in 'one:0.7, two:0.3' 'two:0.25, one:0.75' one; do
    train_on 1 weights --corpus="$corpus"
    expect_exit 2
    expect_says err 'corpus_digest'
done

begin what_is_no_mixture_is_refused
for corpus in 'one:0.7, two' 'one:0.7,' 'one:0.7, two:0' 'one,two' ':1,two:1'; do
    train_on 1 none --corpus="$corpus"
    expect_exit 2
    expect_says err 'is not NAME:WEIGHT'
done
expect_absent none

begin the_documents_of_a_step_are_named
eon shards show --run=parts --step=5
expect_success
expect_says out 'step 5: 6 leaves of 2 sequences of 16 tokens'
expect_says out 'leaf 5, sequence 1: '
expect_says out 'one.txt'
expect_says out 'two.txt'
expect_equal "$(grep -c '^leaf' out)" 12
eon shards show --run=parts --step=5 --json
expect_success
cp out parts.json
mkdir moved && mv one two moved/
eon shards show --run=parts --step=5 --json
expect_refused 'one/corpus.json'
eon shards show 'moved/one:3, moved/two:1' --run=parts --step=5 --json
expect_success
sed -i 's|moved/||' out
expect_same_file out parts.json
mv moved/* .

begin a_part_of_a_run_with_other_data_is_told_apart
train_on 1 changed --corpus=one --stop_after=2
expect_exit 75
train_on 1 changed --corpus=two --accept_changes
expect_success
eon shards show --run=changed --step=2
expect_says out 'one/train-00000.h5'
eon shards show --run=changed --step=3
expect_says out 'two/train-00000.h5'
eon shards show one --run=changed --step=3
expect_refused "is not what run 'changed' was trained on"

begin a_run_without_the_record_has_no_documents
rm changed/data.json
eon shards show --run=changed --step=3
expect_refused 'does not record the data of step 3'
eon shards show --run=parts --step=0
expect_exit 2
eon shards show
expect_refused 'nor a --run'

begin a_damaged_record_is_told_and_training_goes_on
train_on 1 damaged --corpus=one --stop_after=2
printf 'no json' >damaged/data.json
eon shards show --run=damaged --step=1
expect_refused 'data.json'
train_on 1 damaged --corpus=one
expect_success
expect_says err 'data.json.damaged'
expect test -e damaged/data.json.damaged
