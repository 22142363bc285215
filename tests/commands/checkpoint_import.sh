#!/usr/bin/env bash
# eon checkpoint import: of folders that tests/commands/publish_model.c makes of eon's checkpoints,
# and of hostile ones.
#
# EON_PYTHON: a python that has torch and transformers (tests/golden/compare_import.py).
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

publish=${EON%/*}/tests/commands/publish_model # made beside eon
layer=model.layers.1

train() { # RUN OPTION...
    eon train --run="$1" --corpus=corpus --layers=2 --width=32 --heads=4 --seq_len=64 --leaves=2 \
        --leaf_sequences=1 --warmup_steps=0 --steps=2 --threads=1 "${@:2}"
}

checkpoint_of() { echo "$1"/checkpoints/step-0*; } # RUN

# A folder as on a hub: config, tokenizer and weights of a run.
published() { # RUN FOLDER WORD...
    rm -rf "$2"
    mkdir "$2"
    cp "$(checkpoint_of "$1")"/{config,tokenizer}.json "$2"
    run "$publish" "$(checkpoint_of "$1")" "$2" "${@:3}"
    expect_success
}

import() { # FOLDER RUN
    rm -rf "$2"
    eon checkpoint import "$1" --out="$2"
}

expect_not_imported() { # TEXT
    expect_refused "$1"
    expect_absent imported
}

digest_of() { "$EON" checkpoint digest "$1" | cut -d' ' -f1; }

logits_of() { # RUN: without the step, which is another
    "$EON" logits --model="$1" --tokens=5,399,0,17 | sed 's/"step":[0-9]*,//'
}

same_logits() { # RUN RUN
    expect_equal "$(logits_of "$1" | cksum)" "$(logits_of "$2" | cksum)"
}

begin models_of_all_kinds_are_trained
expect make_corpus "$PWD/corpus"
train gpt2 --family=gpt2
expect_success
train tied --family=llama --kv_heads=2 --rope_theta=500000
expect_success
train untied --family=llama --kv_heads=1 --tied_head=false --norm_epsilon=1e-6
expect_success

begin an_imported_model_has_the_logits_of_the_one_that_was_published
for family in gpt2 tied untied; do
    published $family folder
    import folder imported_$family
    expect_success
    expect_silent err
    expect_one_line out
    same_logits imported_$family $family
done

begin files_prefixes_and_buffers_make_no_difference
for family in gpt2 tied untied; do
    published $family folder files=3 short buffers
    import folder imported
    expect_success
    expect_equal "$(digest_of imported)" "$(digest_of imported_$family)"
    expect test -f imported/checkpoints/step-00000000/model-00003-of-00003.safetensors
    expect test -f imported/checkpoints/step-00000000/model.safetensors.index.json
done

begin a_file_that_holds_no_weights_is_not_written
published gpt2 folder buffers files=100
import folder imported
expect_success
expect_equal "$(digest_of imported)" "$(digest_of imported_gpt2)"
expect test -f imported/checkpoints/step-00000000/model-00028-of-00028.safetensors

begin sixteen_bits_are_widened_without_rounding
for type in bf16 fp16 mixed; do
    published untied folder $type files=2
    import folder once
    expect_success
    published once folder # in fp32 now
    import folder twice
    expect_success
    expect_equal "$(digest_of twice)" "$(digest_of once)"
    expect test "$(digest_of once)" != "$(digest_of imported_untied)"
done

begin a_head_that_repeats_the_embedding_is_no_other_model
for family in gpt2 tied; do
    published $family folder head=same
    import folder imported
    expect_success
    expect_equal "$(digest_of imported)" "$(digest_of imported_$family)"
    published $family folder head=other
    import folder imported
    expect_not_imported "tensor 'lm_head.weight' is not"
done

begin an_imported_checkpoint_imports_again
import "$(checkpoint_of imported_tied)" imported
expect_success
expect_equal "$(digest_of imported)" "$(digest_of imported_tied)"

begin all_that_reads_checkpoints_takes_it
eon checkpoint list imported_tied
expect_success
expect_says out '     0'
eon checkpoint verify imported_tied
expect_success
eon generate --model=imported_tied --prompt=the --tokens=5
expect_success

begin training_begins_with_its_weights
train tuned --family=llama --kv_heads=1 --tied_head=false --norm_epsilon=1e-6 \
    --init_from=imported_untied --lr=0 --lr_min=0 --steps=1
expect_success
same_logits tuned untied
train other --family=llama --kv_heads=1 --tied_head=false --init_from=imported_untied
expect_refused 'its rms_norm_eps is 1e-06'

begin it_is_no_run_that_could_go_on
for option in --seed=1 --accept_changes; do
    train imported_tied --family=llama --kv_heads=2 --rope_theta=500000 $option
    expect_refused 'give --init_from=imported_tied and another --run'
done

begin what_opens_and_ends_a_document_survives
published tied folder
sed -i -e 's/"bos_token_id": [0-9]*/"bos_token_id": 7/' \
    -e 's/"eos_token_id": [0-9]*/"eos_token_id": [8, 9]/' folder/config.json
import folder imported
expect_success
tr -d ' \n' <imported/checkpoints/step-00000000/config.json >config
expect_says config '"bos_token_id":7,"eos_token_id":[8,9]'

begin an_id_beyond_the_vocabulary_is_left_out
sed -i 's/"bos_token_id": 7/"bos_token_id": 50256/' folder/config.json
import folder imported
expect_success
expect_one_line err
expect_says err 'names a bos_token_id that is beyond its vocabulary of 400'
expect_says imported/checkpoints/step-00000000/config.json '"bos_token_id": null'

begin a_model_without_a_tokenizer_takes_tokens
published tied folder
rm folder/tokenizer.json
import folder imported
expect_success
expect_one_line err
expect_says err 'the checkpoint has no tokenizer'
same_logits imported tied
eon logits --model=imported --text=the
expect_refused 'it has no tokenizer.json'
eon generate --model=imported --prompt=the
expect_refused 'it has no tokenizer.json'
train refused --family=llama --kv_heads=2 --rope_theta=500000 --init_from=imported
expect_refused '--accept_changes'
train tuned2 --family=llama --kv_heads=2 --rope_theta=500000 --init_from=imported --accept_changes
expect_success

begin a_tokenizer_that_eon_does_not_read_is_left_out
echo '{"model": {"type": "WordPiece"}}' >folder/tokenizer.json
import folder imported
expect_success
expect_says err 'WordPiece'
expect_absent imported/checkpoints/step-00000000/tokenizer.json

begin a_tokenizer_of_more_tokens_than_the_model_is_left_out
sed 's/"vocab": *{/&"extra-token-of-the-test":400,/' tokenizer.json >folder/tokenizer.json
import folder imported
expect_success
expect_says err "401 entries, and the model's vocabulary 400"
expect_absent imported/checkpoints/step-00000000/tokenizer.json

begin the_vocabulary_of_gpt2_becomes_a_tokenizer
needs_data gpt2-vocab.bpe gpt2-encoder.json
eon shards build --tokenizer="$data/gpt2-encoder.json,$data/gpt2-vocab.bpe" --document_bytes=500 \
    --out=gpt2_corpus text.txt
expect_success
train large --family=gpt2 --width=8 --layers=1 --heads=1 --steps=1 --corpus=gpt2_corpus
published large folder
rm folder/tokenizer.json
cp "$data/gpt2-encoder.json" folder/vocab.json
cp "$data/gpt2-vocab.bpe" folder/merges.txt
import folder imported
expect_success
expect_silent err
expect_same_file imported/checkpoints/step-00000000/tokenizer.json \
    "$(checkpoint_of large)/tokenizer.json"
expect_same_file imported/checkpoints/step-00000000/tokenizer_config.json \
    "$(checkpoint_of large)/tokenizer_config.json"

begin a_tokenizers_settings_are_kept
published tied folder
echo '{"model_max_length": 64}' >folder/tokenizer_config.json
import folder imported
expect_success
expect_same_file imported/checkpoints/step-00000000/tokenizer_config.json folder/tokenizer_config.json
echo '[' >folder/tokenizer_config.json
import folder imported
expect_not_imported tokenizer_config.json
echo '{"password": "of another program"}' >secrets.json
ln -sf ../secrets.json folder/tokenizer_config.json
import folder imported
expect_not_imported tokenizer_config.json

begin tensors_that_are_not_the_models_are_refused_by_name
published tied folder add=$layer.self_attn.q_proj.bias
import folder imported
expect_not_imported "tensor '$layer.self_attn.q_proj.bias' is none of the model's"
published tied folder drop=$layer.mlp.up_proj.weight files=2
import folder imported
expect_not_imported "tensor '$layer.mlp.up_proj.weight' is missing"
published tied folder flat=$layer.mlp.up_proj.weight
import folder imported
expect_not_imported "has shape [4096], and config.json asks for [128, 32]"
published tied folder integer=$layer.mlp.up_proj.weight
import folder imported
expect_not_imported "is of type I64"
published untied folder drop=lm_head.weight
import folder imported
expect_not_imported "tensor 'lm_head.weight' is missing"
published untied folder
sed -i 's/"tie_word_embeddings": false/"tie_word_embeddings": true/' folder/config.json
import folder imported
expect_not_imported "tensor 'lm_head.weight' is not 'model.embed_tokens.weight'"

begin a_key_that_is_not_known_is_refused_by_name
published tied folder
cp folder/config.json config
for key in '"alibi": true' '"quantization_config": {}' '"pretraining_tp": 2' '"auto_map": {}' \
    '"attention_bias": 1' '"sliding_window": 4096' '"partial_rotary_factor": 0.5'; do
    sed -e '/"attention_bias"/d' -e "s/^{/{ $key,/" config >folder/config.json
    import folder imported
    name=${key%%:*}
    expect_not_imported "${name//\"/}"
done
sed 's/^{/{ "use_cache": true, "pretraining_tp": 1, "sliding_window": null,/' config >folder/config.json
import folder imported
expect_success
expect_equal "$(digest_of imported)" "$(digest_of imported_tied)"

begin an_index_that_lies_is_refused
published tied good files=3
index=model.safetensors.index.json
second=model-00002-of-00003.safetensors
edited() { # SED: the index
    rm -rf folder
    cp -R good folder
    sed -i "$1" folder/$index
    import folder imported
}
edited "s/$second/..\/$second/"
expect_not_imported 'is not the name of a safetensors file'
edited "s/$second/\/etc\/passwd/"
expect_not_imported 'is not the name of a safetensors file'
edited "s/$second/$second\\\\u0000/"
expect_not_imported 'is not the name of a safetensors file'
edited "0,/$second/s/$second/model-00001-of-00003.safetensors/"
expect_not_imported "is in '$second'"
edited "0,/.*$second.*/s///"
expect_not_imported "the index says it is nowhere"
edited '$d'
expect_not_imported 'as JSON'
edited 's/"weight_map": {/&"more.weight": "'$second'",/'
expect_not_imported "tensor 'more.weight' is not in '$second'"
edited 's/"weight_map"/"weights"/'
expect_not_imported "'weights'"
edited "s/$second/nowhere.safetensors/"
expect_not_imported 'nowhere.safetensors'
edited 's/00001-of/00003-of/'
expect_not_imported "is not in 'model-00003-of-00003.safetensors'"

begin a_tensor_in_two_files_is_refused
rm -rf folder
cp -R good folder
cp folder/$second folder/model-00004.safetensors
sed -i 's/"weight_map": {/&"x": "model-00004.safetensors",/' folder/$index
import folder imported
expect_not_imported "is in 'folder/$second' too"

begin a_single_file_beside_an_index_of_others_is_refused
cp -R good both
cp both/$second both/model.safetensors
import both imported
expect_not_imported 'does not name it'

begin links_lead_nowhere_but_to_the_hubs_own_cache
rm -rf cache && mkdir -p cache/blobs cache/snapshots/main
published tied folder
mv folder/model.safetensors cache/blobs/0123abcd
cp folder/*.json cache/snapshots/main
ln -s ../../blobs/0123abcd cache/snapshots/main/model.safetensors
import cache/snapshots/main imported
expect_success
expect_equal "$(digest_of imported)" "$(digest_of imported_tied)"
ln -sf "$PWD"/cache/blobs/0123abcd cache/snapshots/main/model.safetensors
import cache/snapshots/main imported
expect_not_imported 'model.safetensors'
ln -sf ../../blobs/../blobs/0123abcd cache/snapshots/main/model.safetensors
import cache/snapshots/main imported
expect_not_imported 'model.safetensors'
rm cache/snapshots/main/model.safetensors
mkfifo cache/snapshots/main/model.safetensors
import cache/snapshots/main imported
expect_not_imported 'not a regular file'

begin damaged_weights_are_refused
published tied folder
truncate -s -1 folder/model.safetensors
import folder imported
expect_not_imported "'folder/model.safetensors'"
rm folder/model.safetensors
import folder imported
expect_not_imported "neither 'model.safetensors' nor"
rm folder/config.json
import folder imported
expect_not_imported "folder/config.json"
import nowhere imported
expect_not_imported 'nowhere'

begin a_run_that_is_there_is_left_alone
published tied folder
before=$(digest_of gpt2)
eon checkpoint import folder --out=gpt2
expect_refused "is a run's folder already"
expect_equal "$(digest_of gpt2)" "$before"
eon checkpoint import folder --out=imported_tied
expect_refused "is a run's folder already"
touch file
eon checkpoint import folder --out=file
expect_refused 'a file is in its place'
mkdir empty
eon checkpoint import folder --out=empty
expect_success
eon checkpoint import folder
expect_refused '--out is required'
eon checkpoint import --out=imported
expect_refused 'FOLDER'

begin what_a_kill_left_is_written_over
mkdir -p killed/checkpoints/step-00000000.partial
touch killed/lock killed/checkpoints/step-00000000.partial/model.safetensors
eon checkpoint import folder --out=killed
expect_success
expect_equal "$(digest_of killed)" "$(digest_of imported_tied)"

begin a_full_disk_leaves_nothing
mkdir there
for run in imported there; do
    rm -rf imported
    run bash -c 'ulimit -f 100; trap "" XFSZ; exec "$0" checkpoint import folder --out="$1"' "$EON" $run
    expect_exit 1
    expect_one_line err
    expect_says err 'File too large'
    expect_absent imported there/checkpoints
done

begin transformers_has_the_same_logits
if [ -z "${EON_PYTHON-}" ]; then
    skip 'no $EON_PYTHON with torch and transformers'
else
    run "$EON_PYTHON" "$project_root/tests/golden/compare_import.py" --eon="$EON"
    expect_success
fi
