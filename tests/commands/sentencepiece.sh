#!/usr/bin/env bash
# A tokenizer of SentencePiece's kind, from a text to a model's text and back.
#
# EON_PYTHON: a python that has torch and transformers (tests/golden/compare_transformers.py).
# shellcheck source=tests/commands/lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

small=$project_root/tests/golden/sentencepiece.json

begin what_is_encoded_is_decoded
printf ' the  caf\303\251\n\n\344\270\255 \360\237\231\202 \377 <s>the' >text
eon tokenizer encode --tokenizer="$small" text
expect_success
mv out ids
eon tokenizer decode --tokenizer="$small" ids
expect_success
expect_same_file out text

begin an_empty_text_has_no_tokens
run bash -c '"$1" tokenizer encode --tokenizer="$2" </dev/null' - "$EON" "$small"
expect_success
expect_equal "$(cat out)" ""

build() { # CORPUS TEXT: train and held out
    eon shards build --tokenizer="$small" --document_bytes=$document_bytes --holdout=0.1 --out="$1" "$2"
    expect_success
    eon shards verify "$1"
    expect_success
    eon shards info --json "$1"
    text_bytes=$(awk '/"text_bytes"/ && n++ < 2 { sum += $2 } END { print sum }' out)
}

expect_same_ids() { # FILE FILE: by both tokenizers text.txt has the same
    eon tokenizer encode --tokenizer="$1" text.txt
    mv out first
    eon tokenizer encode --tokenizer="$2" text.txt
    expect_success
    expect_same_file out first
}

begin a_corpus_holds_what_its_inputs_hold
cat "$project_root"/shards/tokenizer/*.c >text.txt
build corpus text.txt
expect_equal "$text_bytes" "$(stat -c %s text.txt)"
sed 's/ /\xe2\x96\x81/g' text.txt >marks.txt
build of_marks marks.txt
expect_equal "$text_bytes" "$(stat -c %s text.txt)" # a mark comes back as a blank
expect_same_ids "$small" corpus/tokenizer.json

begin a_document_of_the_corpus_is_shown_as_it_was
printf '  one blank and another before\n' >blanks
eon shards build --tokenizer="$small" --out=of_blanks blanks
expect_success
eon shards show --split=train --document=0 of_blanks
expect_success
expect_equal "$(tail -n 1 out)" "$(cat blanks)"

begin a_model_is_trained_and_its_checkpoint_has_the_tokenizer
eon train --run=run --corpus=corpus --family=llama --layers=2 --width=32 --heads=4 --kv_heads=2 \
    --seq_len=64 --leaves=2 --leaf_sequences=1 --warmup_steps=0 --steps=3 --threads=1
expect_success
checkpoint=run/checkpoints/step-00000003
expect_same_ids "$small" $checkpoint/tokenizer.json
expect_says $checkpoint/tokenizer_config.json '"bos_token": "</s>"'
expect_says $checkpoint/config.json '"eos_token_id": 2'

begin a_text_is_continued
eon generate --model=run --prompt='the rank' --tokens=20 --seed=3
expect_success
expect_says out 'the rank'
printf 'the rank' >prompt
eon tokenizer encode --tokenizer="$small" prompt
tokens=$(tr ' ' , <out)
eon logits --model=run --text='the rank'
expect_success
expect_says out "\"tokens\":[$tokens]"

begin transformers_has_the_same_tokens_and_logits
if [ -z "${EON_PYTHON-}" ]; then
    skip 'no $EON_PYTHON with torch and transformers'
else
    run "$EON_PYTHON" "$project_root/tests/golden/compare_transformers.py" --eon="$EON" \
        --text='the rank  of é' $checkpoint
    expect_success
    expect_says out 'ok: '
fi
