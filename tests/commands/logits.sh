#!/usr/bin/env bash
# eon logits, and with it whether transformers sees the model that eon sees.
#
# EON_PYTHON: a python that has torch and transformers (tests/golden/compare_transformers.py).
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

train() { # RUN OPTION...
    eon train --run="$1" --corpus=corpus --layers=2 --width=32 --heads=4 --seq_len=64 --leaves=2 \
        --leaf_sequences=1 --warmup_steps=0 --steps=3 --threads=1 "${@:2}"
}

begin models_of_all_kinds_are_trained
expect make_corpus "$PWD/corpus"
train gpt2 --family=gpt2
expect_success
train llama_tied --family=llama --kv_heads=2
expect_success
train llama_untied --family=llama --kv_heads=1 --tied_head=false
expect_success
train gpt2_untied --family=gpt2 --tied_head=false
expect_success
train llama_linear --kv_heads=2 --mlp_bias=true --rope_scaling=linear --rope_factor=3
expect_success
train llama_biased --kv_heads=2 --attention_bias=true --mlp_bias=true --head_dim=6 \
    --rope_scaling=llama3 --rope_original_positions=32
expect_success

begin every_position_has_a_logit_for_each_entry_of_the_vocabulary
eon logits --model=gpt2 --tokens=5,399,0
expect_success
expect_says out '"tokens":[5,399,0]'
expect_equal "$(tr -cd ']' <out | wc -c)" 5
expect_equal "$(tr -cd ',' <out | wc -c)" $((3 * 399 + 2 + 4))

begin text_is_cut_by_the_models_own_tokenizer
eon logits --model=gpt2 --text='the rank'
expect_success
tokens=$(sed 's/.*"tokens":\[\([0-9,]*\)\].*/\1/' out)
cp out by_text
eon logits --model=gpt2 --tokens="$tokens"
expect_same_file out by_text

begin earlier_logits_do_not_depend_on_later_tokens
eon logits --model=llama_tied --tokens=5,6
first_row=$(sed 's/.*"logits":\[\(\[[^]]*\]\).*/\1/' out)
eon logits --model=llama_tied --tokens=5,7
expect_equal "$first_row" "$(sed 's/.*"logits":\[\(\[[^]]*\]\).*/\1/' out)"

begin wrong_tokens_are_refused
for tokens in 1,,2 '1,2,' ',1' -1 +1 1.5 400 99999999999999999999 x '1 2' "$(seq -s, 1 65)"; do
    eon logits --model=gpt2 --tokens="$tokens"
    expect_refused ""
done
eon logits --model=gpt2
expect_refused "either --tokens or --text"
eon logits --model=gpt2 --tokens=1 --text=a
expect_refused "either --tokens or --text"
eon logits --model=nowhere --tokens=1
expect_refused nowhere

begin transformers_has_the_same_tokens_and_logits
if [ -z "${EON_PYTHON-}" ]; then
    skip 'no $EON_PYTHON with torch and transformers'
else
    for run in gpt2 llama_tied llama_untied gpt2_untied llama_linear llama_biased; do
        run "$EON_PYTHON" "$project_root/tests/golden/compare_transformers.py" --eon="$EON" \
            $run/checkpoints/step-00000003
        expect_success
        expect_says out 'ok: '
    done
fi
