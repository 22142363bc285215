#!/usr/bin/env bash
# Runs that begin with the weights of another, or go on from a copy of its checkpoint.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model=(--width=16 --layers=1 --heads=2 --family=llama --seq_len=16 --leaves=4 --leaf_sequences=1
    --warmup_steps=0 --threads=1 --corpus=corpus)

train() { eon train "${model[@]}" "$@"; } # OPTION...

train_on() { # RANKS OPTION...
    eon_on "$1" train "${model[@]}" "${@:2}"
}

digest_of() { "$EON" checkpoint digest "$1" | cut -d' ' -f1; }

# Lines of the tensors that are parameters, not moments.
parameters_that_differ() { # RUN RUN
    "$EON" checkpoint diff "$1" "$2" 2>/dev/null | grep -v '^state' | grep -vc 'exp_avg'
}

begin a_run_begins_with_the_weights_of_another
expect make_corpus "$PWD/corpus"
train --run=source --steps=4
train --run=warm --init_from=source --steps=1 --lr=0 --lr_min=0
expect_success
expect_says err "begins with the weights of 'source/checkpoints/step-00000004'"
expect_equal "$(parameters_that_differ source warm)" 0
train --run=cold --steps=1 --lr=0 --lr_min=0
expect test "$(parameters_that_differ source cold)" -gt 0

begin its_bits_are_the_same_at_every_number_of_ranks
for ranks in 1 2 3; do
    train_on $ranks --run=warm$ranks --init_from=source --steps=3 --seed=5
    expect_success
done
expect_equal "$(digest_of warm2)" "$(digest_of warm1)"
expect_equal "$(digest_of warm3)" "$(digest_of warm1)"

begin groups_begin_with_them_too
for ranks in 1 2; do
    train_on $ranks --run=groups$ranks --init_from=source --steps=1 --groups=2 --lr=0 --lr_min=0
    expect_success
    expect_equal "$("$EON" checkpoint diff source groups$ranks 2>/dev/null | grep -c '^differs')" 0
done
expect_equal "$(digest_of groups2)" "$(digest_of groups1)"

begin another_model_is_refused_by_the_key_that_differs
train --run=refused --init_from=source --steps=1 --width=32
expect_refused "its hidden_size is 16, and this run's is 32"
train --run=refused --init_from=source --steps=1 --heads=4
expect_refused 'its num_attention_heads is 2'
train --run=refused --init_from=source --steps=1 --family=gpt2
expect_refused 'its architectures is ["LlamaForCausalLM"]'
expect_absent refused/checkpoints

begin a_longer_context_is_not_another_llama
train --run=longer --init_from=source --steps=1 --seq_len=32
expect_success

begin slower_positions_are_another_llama_unless_they_are_meant
train --run=slower --init_from=source --steps=1 --seq_len=32 --rope_scaling=linear --rope_factor=2
expect_refused 'its rope_scaling is not there, and this run'\''s is {"rope_type":"linear","factor":2.0}'
train --run=slower --init_from=source --steps=1 --seq_len=32 --rope_scaling=linear --rope_factor=2 \
    --accept_changes=true
expect_success
train --run=refused --init_from=slower --steps=1
expect_refused 'its rope_scaling is {"rope_type":"linear","factor":2.0}'
train --run=refused --init_from=source --steps=1 --mlp_bias=true
expect_refused 'its mlp_bias is false'

begin another_tokenizer_is_refused
mkdir other
eon tokenizer train --vocab_size=400 --out=other/tokenizer.json "$project_root/README.md"
eon shards build --tokenizer=other/tokenizer.json --document_bytes=500 --out=other/corpus text.txt
train --run=refused --init_from=source --steps=1 --corpus=other/corpus
expect_refused 'its tokenizer is not the corpus'

begin what_is_no_checkpoint_is_refused
train --run=refused --init_from=nowhere --steps=1
expect_refused "'nowhere'"

begin such_a_run_resumes_without_the_other
train --run=resumed --init_from=source --steps=4 --stop_after=2
expect_exit 75
mv source moved
train --run=resumed --init_from=source --steps=4
expect_success
mv moved source
train --run=whole --init_from=source --steps=4
expect_equal "$(digest_of resumed)" "$(digest_of whole)"

begin a_copied_checkpoint_is_a_fork_with_all_state
train --run=stopped --steps=6 --stop_after=3
expect_exit 75
mkdir forked && cp -R stopped/checkpoints stopped/config.ini forked/
train --run=forked --steps=6
expect_success
train --run=stopped --steps=6
expect_equal "$(digest_of forked)" "$(digest_of stopped)"
