#!/usr/bin/env bash
# eon checkpoint export: what it writes it has read back by itself, and what must not be written is
# refused. Whether others read it: tests/golden/compare_gguf.py.
#
# EON_PYTHON: a python that has gguf and safetensors, and maybe llama-cpp-python.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

train() { # RUN OPTION...
    eon train --run="$1" --corpus=corpus --layers=2 --width=32 --heads=4 --seq_len=64 --leaves=2 \
        --leaf_sequences=1 --warmup_steps=0 --steps=3 --threads=1 "${@:2}"
}

bytes_at() { # FILE OFFSET COUNT: in hexadecimal
    od -An -v -t x1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

begin models_of_all_kinds_are_trained
expect make_corpus "$PWD/corpus"
train gpt2 --family=gpt2
expect_success
train llama_tied --family=llama --kv_heads=2
expect_success
train llama_untied --family=llama --kv_heads=1 --tied_head=false
expect_success
train narrow --family=llama --width=24
expect_success

begin each_type_is_written_and_read_back
for type in f32 f16 bf16 q8_0; do
    for run in gpt2 llama_tied llama_untied; do
        eon checkpoint export $run --out=$run-$type.gguf --type=$type
        expect_success
        expect_one_line out
        expect_says out "step 3 as $type: "
        expect_says out '400 tokens'
        expect_says out "read back whole  $run-$type.gguf"
        expect_equal "$(bytes_at $run-$type.gguf 0 8)" 4747554603000000
    done
done
expect_absent ./*.partial

begin smaller_types_make_smaller_files
expect test "$(wc -c <llama_tied-q8_0.gguf)" -lt "$(wc -c <llama_tied-f16.gguf)"
expect test "$(wc -c <llama_tied-f16.gguf)" -lt "$(wc -c <llama_tied-f32.gguf)"
expect_equal "$(wc -c <llama_tied-f16.gguf)" "$(wc -c <llama_tied-bf16.gguf)"

begin an_export_is_machine_readable
eon checkpoint export gpt2/checkpoints/step-00000003 --out=gpt2.gguf --type=q8_0 --json
expect_success
expect_says out '"tensors": 28'
expect_says out '"f32_tensors": 19'
expect_says out '"f16_instead": 0'
expect_says out "\"bytes\": $(wc -c <gpt2.gguf)"

begin rows_that_are_no_whole_blocks_become_f16
eon checkpoint export narrow --out=narrow.gguf --type=q8_0
expect_success
expect_says out 'of them f16 as their rows are no whole blocks of q8_0'

begin the_model_bears_the_name_of_its_run_or_the_one_given
expect grep -qaF 'general.name' gpt2-f32.gguf
expect grep -qaF 'llama_tied' llama_tied-f32.gguf
eon checkpoint export llama_tied --out=named.gguf --name='A name'
expect_success
expect grep -qaF 'A name' named.gguf
expect test "$(grep -caF 'llama_tied' named.gguf)" = 0

begin the_same_checkpoint_gives_the_same_bytes
eon checkpoint export gpt2 --out=again.gguf --type=f16
expect_success
expect_same_file again.gguf gpt2-f16.gguf

# The manifest vouches for all but itself: the copy gets one of its own.
rewrite_manifest() { # FOLDER: after a file has gone or changed
    local file digits LC_ALL=C
    {
        printf '{\n  "format": "eon-checkpoint", "version": 2, "step": 3, "world_size": 1,
  "created": "2026-11-22T22:07:20Z",\n  "files": ['
        local separator=' '
        for file in "$1"/*; do
            file=${file##*/}
            [ "$file" != manifest.json ] || continue
            printf '%s{ "name": "%s", "size": %d, "crc32": "%s" }' "$separator" "$file" \
                "$(wc -c <"$1/$file")" "$(gzip -c "$1/$file" | tail -c 8 | head -c 4 |
                    od -An -t x1 | awk '{ print $4 $3 $2 $1 }')"
            separator=', '
        done
        printf ' ],\n  "checksum": "'
    } >"$1.manifest"
    digits=$(sha256sum <"$1.manifest")
    printf '%s"\n}\n' "${digits%% *}" >>"$1.manifest"
    mv "$1.manifest" "$1/manifest.json"
}

begin a_model_without_a_tokenizer_is_written_without
cp -R gpt2/checkpoints/step-00000003 bare
rm bare/tokenizer.json
rewrite_manifest bare
eon checkpoint export bare --out=bare.gguf
expect_success
expect_says out 'no tokenizer'
expect grep -qaF none bare.gguf
expect test "$(grep -caF tokenizer.ggml.tokens bare.gguf)" = 0

begin entries_without_a_token_get_a_name_of_their_own
cp -R gpt2/checkpoints/step-00000003 padded
eon tokenizer train --vocab_size=300 --out=padded/tokenizer.json text.txt
expect_success
rewrite_manifest padded
eon checkpoint export padded --out=padded.gguf
expect_success
expect_says out '400 tokens'
expect grep -qaF '[no token 300]' padded.gguf
expect grep -qaF '[no token 399]' padded.gguf
expect test "$(grep -caF '[no token 299]' padded.gguf)" = 0

begin scaled_rotary_positions_are_written
for scaling in linear llama3; do
    train "$scaling" --family=llama --heads=2 --rope_scaling=$scaling --rope_factor=4 \
        --attention_bias --mlp_bias
    eon checkpoint export "$scaling" --out="$scaling.gguf"
    expect_success
done
expect grep -qaF 'llama.rope.scaling.factor' linear.gguf
expect grep -qaF 'rope_freqs.weight' llama3.gguf
expect grep -qaF 'blk.0.attn_q.bias' llama3.gguf

begin a_splitting_that_llama_cpp_does_not_have_is_refused
cp -R gpt2/checkpoints/step-00000003 whole
sed -i 's/\("ignore_merges": *\)false/\1true/' whole/tokenizer.json
rewrite_manifest whole
eon checkpoint export whole --out=whole.gguf
expect_refused 'llama.cpp has no rule that cuts text as gpt2 does and takes whole pieces'
expect_absent whole.gguf whole.gguf.partial

begin a_tokenizer_of_sentencepiece_is_written_with_scores
small=$project_root/tests/golden/sentencepiece.json
eon shards build --tokenizer="$small" --document_bytes=$document_bytes --holdout=0.1 --out=marked \
    text.txt
expect_success
eon train --run=sentencepiece --corpus=marked --family=llama --layers=2 --width=32 --heads=4 \
    --seq_len=64 --leaves=2 --leaf_sequences=1 --warmup_steps=0 --steps=3 --threads=1
expect_success
eon checkpoint export sentencepiece --out=sentencepiece.gguf
expect_success
expect_says out '620 tokens'
for key in scores unknown_token_id add_space_prefix remove_extra_whitespaces; do
    expect grep -qaF tokenizer.ggml.$key sentencepiece.gguf
done
expect grep -qaF '<0x0A>' sentencepiece.gguf
expect grep -qaF '▁the' sentencepiece.gguf
expect test "$(grep -caF tokenizer.ggml.merges sentencepiece.gguf)" = 0

with_tokenizer() { # FOLDER SED_SCRIPT: a checkpoint whose tokenizer is the small one, changed
    cp -R sentencepiece/checkpoints/step-00000003 "$1"
    sed "$2" "$small" >"$1/tokenizer.json"
    run cmp -s "$small" "$1/tokenizer.json"
    expect_exit 1
    rewrite_manifest "$1"
    eon checkpoint export "$1" --out="$1.gguf"
}

metaspace() { # SCHEME: a sed script
    printf 's/"normalizer":.*"pre_tokenizer":null/"normalizer":null,"pre_tokenizer":'
    printf '{"type":"Metaspace","replacement":"▁","prepend_scheme":"%s","split":false}/' "$1"
}

begin a_text_without_a_blank_before_is_marked_so
with_tokenizer unprefixed 's/{"type":"Prepend","prepend":"▁"},//'
expect_success
with_tokenizer never "$(metaspace never)"
expect_success
for model in sentencepiece unprefixed never; do
    at=$(grep -obaF tokenizer.ggml.add_space_prefix $model.gguf)
    expected=0700000000 # a bool, false
    [ $model != sentencepiece ] || expected=0700000001
    expect_equal "$(bytes_at $model.gguf $((${at%%:*} + 31)) 5)" $expected
done

begin a_blank_before_some_texts_alone_is_refused
for scheme in first always; do
    with_tokenizer $scheme "$(metaspace $scheme)"
    expect_refused "Metaspace with prepend_scheme '$scheme' puts none before one that begins with"
    expect_absent $scheme.gguf $scheme.gguf.partial
done

begin merges_that_scores_do_not_order_are_refused
with_tokenizer unmerged 's/\["▁t","he"\],*//; s/\["▁th","e"\],*//'
expect_refused "'▁the', is made by llama.cpp of two parts that have no merge to it here"
expect_absent unmerged.gguf unmerged.gguf.partial

begin whole_texts_are_taken_where_merging_comes_to_the_same
with_tokenizer merged 's/"ignore_merges":false/"ignore_merges":true/'
expect_success

begin a_value_that_the_type_does_not_hold_is_refused_and_nothing_put_in_place
cp -R gpt2/checkpoints/step-00000003 huge
size=$(wc -c <huge/model.safetensors)
printf '\x00\x00\x80\x7f' | # an infinity in the last element, of transformer.ln_f.bias
    dd of=huge/model.safetensors bs=1 seek=$((size - 4)) conv=notrunc 2>dd.log
rewrite_manifest huge
echo before >huge.gguf
eon checkpoint export huge --out=huge.gguf --type=f16
expect_refused "tensor 'transformer.ln_f.bias' holds a value that is not finite as f32"
expect_equal "$(cat huge.gguf)" before
expect_absent huge.gguf.partial

begin a_damaged_checkpoint_is_refused
cp -R gpt2/checkpoints/step-00000003 damaged
printf '\x01' | dd of=damaged/model.safetensors bs=1 seek=$((size - 4)) conv=notrunc 2>dd.log
eon checkpoint export damaged --out=damaged.gguf
expect_refused 'its checksum is'
expect_absent damaged.gguf damaged.gguf.partial

begin wrong_use_is_refused
eon checkpoint export gpt2
expect_refused "out"
eon checkpoint export gpt2 --out=x.gguf --type=q4_0
expect_refused "q4_0"
eon checkpoint export nowhere --out=x.gguf
expect_refused 'nowhere'
mkdir -p folder
eon checkpoint export gpt2 --out=folder
expect_refused "cannot export to 'folder': it is a folder"
eon checkpoint export gpt2 --out=no/such/folder.gguf
expect_exit 1
expect_one_line err
expect_says err "cannot create 'no/such/folder.gguf.partial'"

begin a_full_disk_leaves_nothing_behind
mkdir -p small
mount -t tmpfs -o size=64k tmpfs small 2>/dev/null || skip 'no tmpfs can be mounted here'
eon checkpoint export gpt2 --out=small/x.gguf
expect_exit 1
expect_one_line err
expect_says err 'No space left on device'
expect_equal "$(ls small)" ''
umount small 2>/dev/null

begin others_read_what_was_written
if [ -z "${EON_PYTHON-}" ]; then
    skip 'no $EON_PYTHON with gguf and safetensors'
else
    for run in gpt2 llama_tied llama_untied narrow sentencepiece; do
        run "$EON_PYTHON" "$project_root/tests/golden/compare_gguf.py" --eon="$EON" \
            $run/checkpoints/step-00000003
        expect_success
        expect_says out 'ok: q8_0'
    done
fi
