#!/usr/bin/env bash
# eon shards build, verify, info and show.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

build() { # OPTION... INPUT...
    eon shards build --tokenizer=tokenizer.json --document_bytes=$document_bytes --holdout=0.1 "$@"
}

# Changes the byte at OFFSET, without changing the size.
flip_byte() { # FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j"$2" -N1 "$1")
    # shellcheck disable=SC2059  # the format is the byte
    printf "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}


begin a_corpus_is_built_verified_and_listed
expect make_corpus "$PWD/corpus"
eon shards verify corpus
expect_success
expect_says out 'ok   train-00000.h5'
expect_says out 'ok   heldout-00000.h5'
eon shards info corpus
expect_success
expect_says out 'train-00000.h5'
expect_absent corpus.partial corpus.replaced

begin the_same_input_gives_the_same_bytes
build --out=again text.txt
expect_success
expect diff -r corpus again

begin documents_joined_are_the_text
printf 'first line\nsecond\n' >small.txt
build --holdout=0 --out=small small.txt
expect_success
eon shards show small --tokens=no
expect_says out 'second'
eon shards show small --json
expect_says out '"text":"first line\nsecond\n"'
expect_says out 'small.txt'
eon shards show small --document=1
expect_refused 'has no document 1'

begin shards_are_closed_at_their_size
build --shard_tokens=5000 --out=many text.txt
expect_success
expect test -e many/train-00003.h5
eon shards verify many
expect_success

begin the_order_of_inputs_moves_no_document_to_another_split
head -c 20000 text.txt >one.txt
tail -c 20000 text.txt >two.txt
build --out=forth --json one.txt two.txt
cp out forth.json
build --out=back --json two.txt one.txt
cp out back.json
expect_equal "$(grep -A3 '"split": "heldout"' forth.json | grep tokens)" \
    "$(grep -A3 '"split": "heldout"' back.json | grep tokens)"

begin empty_documents_are_counted_and_left_out
printf ' \n\t\n' >blank.txt
build --out=with-blank small.txt blank.txt blank.txt
expect_success
expect grep -qE '^  empty +2 documents +8 bytes' out

begin nothing_but_empty_documents_makes_no_corpus
build --out=none blank.txt
expect_refused 'the inputs hold no document'
expect_absent none none.partial

begin an_existing_folder_is_refused
build --out=corpus text.txt
expect_refused 'it exists'
mkdir -p precious && touch precious/file
build --out=precious --overwrite text.txt
expect_refused 'it has no corpus.json'
expect test -e precious/file

begin overwrite_replaces_a_corpus
build --out=small --overwrite text.txt
expect_success
expect_absent small.replaced small.partial
eon shards verify small
expect_success

begin bad_input_leaves_nothing_behind
for option in --holdout=1 --holdout=-0.1 --holdout=nan --shard_tokens=0 --document_bytes=-1 \
    --document_start='(' --tokenizer=nowhere.json; do
    build --out=refused "$option" text.txt
    expect_exit 2
    expect_silent out
    expect_one_line err
    expect_absent refused refused.partial
done
build --out=refused text.txt missing.txt
expect_refused 'missing.txt'
gzip -c text.txt | head -c 5000 >cut.gz
build --out=refused cut.gz
expect_refused 'cut.gz'
expect_absent refused refused.partial
eon shards build --out=refused text.txt
expect_refused 'tokenizer'

begin a_killed_build_is_followed_by_the_same_bytes
build --out=killed --shard_tokens=3000 text.txt
expect_success
mv killed expected
kills=0
for i in $(seq 100); do
    "$EON" shards build --tokenizer=tokenizer.json --document_bytes=$document_bytes --holdout=0.1 \
        --shard_tokens=3000 --out=killed text.txt >/dev/null 2>&1 &
    victim=$!
    sleep "0.$(printf %03d $((i * 37 % 100)))"
    kill -KILL $victim 2>/dev/null
    wait $victim 2>/dev/null
    [ $? = 137 ] && kills=$((kills + 1))
    if [ -e killed ]; then # complete, or not there
        diff -r expected killed >/dev/null || not_ok "build $i left half a corpus"
        rm -r killed
    fi
done
[ $kills -gt 10 ] || not_ok "only $kills of 100 builds were killed"
build --out=killed --shard_tokens=3000 text.txt
expect_success
expect diff -r expected killed
expect_absent killed.partial

begin a_build_leaves_that_of_another_process_alone
mkdir held.partial
run flock held.partial "$EON" shards build --tokenizer=tokenizer.json --out=held text.txt
expect_exit 1
expect_one_line err
expect_says err 'another process is writing it'
expect test -e held.partial

begin every_flipped_byte_of_a_shard_is_found
size=$(stat -c %s many/train-00000.h5)
for i in 1 2 3 4 5 6 7 8; do
    flip_byte many/train-00000.h5 $((size * i / 9))
    eon shards verify many
    expect_exit 2
    expect_says out 'BAD  train-00000.h5'
    expect_says out 'ok   train-00001.h5'
    expect_one_line err
    flip_byte many/train-00000.h5 $((size * i / 9))
done
eon shards verify many
expect_success

begin a_list_that_lies_is_found
cp -r many lying
for key in documents text_bytes; do
    sed -i "0,/\"$key\": *[0-9]*/s//\"$key\": 7/" lying/corpus.json
    eon shards verify lying
    expect_exit 2
    expect_says out 'BAD  '
    cp many/corpus.json lying/corpus.json
done
sed -i '0,/train-00000/s//..\/train-00000/' lying/corpus.json
for verb in verify info show; do
    eon shards $verb lying
    expect_refused 'is not a plain file name'
done

begin another_tokenizer_in_the_folder_is_found
cp many/corpus.json lying/corpus.json
sed -i 's/"tokenizer_digest": "......../"tokenizer_digest": "00000000/' lying/corpus.json
eon shards verify lying
expect_refused 'is not the tokenizer that corpus.json names'

begin what_is_no_corpus_is_refused
for verb in verify info show; do
    eon shards $verb /nowhere
    expect_refused 'corpus.json'
    eon shards $verb tokenizer.json
    expect_exit 2
    expect_one_line err
done

begin gpt2_tokens_are_those_of_the_vocabulary
needs_data gpt2-encoder.json gpt2-vocab.bpe
printf 'Hello world' >hello.txt
eon shards build --tokenizer="$data/gpt2-encoder.json,$data/gpt2-vocab.bpe" --holdout=0 \
    --out=hello hello.txt
expect_success
eon shards show hello --json
expect_says out '"tokens":[50256,15496,995]'
