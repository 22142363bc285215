#!/usr/bin/env bash
# eon tokenizer train, encode, decode.
# shellcheck source=tests/commands/lib.sh
. "${0%/*}/lib.sh"

for word in the quick brown fox jumps over the lazy dog and the cat; do
    printf '= %s\nthe %s is there, and the other %s is not\n' "$word" "$word" "$word"
done >words.txt
head -c 20000 /dev/urandom >bytes
gzip -c words.txt >words.gz
gzip -c words.txt >>words.gz

begin a_vocabulary_is_trained_and_its_digest_printed
eon tokenizer train --vocab_size=300 --out=t.json words.txt
expect_success
expect_one_line out
expect_says out "t.json"
expect_says err "300 tokens"

begin the_same_text_gives_the_same_file
eon tokenizer train --vocab-size=300 --out=again.json words.txt
expect_success
expect_same_file t.json again.json

begin training_reads_several_files_and_gzip
eon tokenizer train --vocab_size=300 --out=gzip.json words.gz words.txt
expect_success

begin threads_and_the_order_of_files_change_nothing
eon tokenizer train --vocab_size=400 --threads=1 --out=one.json words.txt bytes words.gz
eon tokenizer train --vocab_size=400 --threads=3 --out=three.json words.gz bytes words.txt
expect_success
expect_same_file one.json three.json

begin special_tokens_are_the_last_ids_in_order
eon tokenizer train --vocab_size=300 --special='<|user|>,<|bot|>' --out=s.json words.txt
expect_success
expect_says err "300 tokens"
run python3 -c '
import json
file = json.load(open("s.json"))
names = ["<|endoftext|>", "<|user|>", "<|bot|>"]
assert [token["content"] for token in file["added_tokens"]] == names
assert [file["model"]["vocab"][name] for name in names] == [297, 298, 299]'
expect_success
run bash -c 'echo 298 | "$1" tokenizer decode --tokenizer=s.json' - "$EON"
expect_success
expect_equal "$(cat out)" "<|user|>"

begin special_tokens_are_checked
eon tokenizer train --vocab_size=300 --special='<|a|>,<|a|>' --out=none.json words.txt
expect_refused "'<|a|>': it is there already"
eon tokenizer train --vocab_size=300 --special=',<|a|>' --out=none.json words.txt
expect_refused "it is empty"
eon tokenizer train --vocab_size=300 --special=the --out=none.json words.txt
expect_refused "'the': a token of the text has this name"
eon tokenizer train --vocab_size=258 --special='<|a|>,<|b|>' --out=none.json words.txt
expect_refused "from 259 to"
expect_absent none.json

begin a_training_is_told_as_json
eon tokenizer train --json --vocab_size=300 --out=j.json words.txt words.gz
expect_success
expect_one_line out
expect_says out '"documents":2,'
expect_says out '"vocab_size":300,'
expect_says out "\"tokenizer_digest\":\"$("$EON" tokenizer train --vocab_size=300 --out=j.json words.gz words.txt 2>/dev/null | cut -d ' ' -f 1)\""

begin bytes_a_token_are_those_of_encoding
"$EON" tokenizer encode --tokenizer=j.json words.txt >ids
eon tokenizer train --json --vocab_size=300 --out=j.json words.txt words.txt
expect_says out "\"text_tokens\":$((2 * $(wc -w <ids))),"

begin text_with_too_many_pieces_is_refused
eon tokenizer train --vocab_size=300 --memory=100k --out=none.json bytes
expect_refused "distinct pieces"
expect_absent none.json

begin a_training_that_is_ended_leaves_nothing
mkdir ended
run bash -c '"$1" tokenizer train --vocab_size=300 --out=ended/t.json /dev/urandom & sleep 0.5
    kill -TERM $! && ! wait $!' - "$EON"
expect_success
expect_equal "$(ls ended)" ""

begin encode_and_decode_return_the_text
eon tokenizer encode --tokenizer=t.json words.txt
expect_success
expect_one_line out
mv out ids
eon tokenizer decode --tokenizer=t.json ids
expect_success
expect_same_file out words.txt

begin any_bytes_return
eon tokenizer encode --tokenizer=t.json bytes
mv out ids
eon tokenizer decode --tokenizer=t.json ids
expect_same_file out bytes

begin gzip_members_are_read_as_by_gzip
eon tokenizer encode --tokenizer=t.json words.gz
mv out ids
eon tokenizer decode --tokenizer=t.json ids
gzip -dc words.gz >whole
expect_same_file out whole

begin standard_input_is_read_without_a_file
run bash -c 'printf "the cat" | "$1" tokenizer encode --tokenizer=t.json | "$1" tokenizer decode --tokenizer=t.json' - "$EON"
expect_success
expect_equal "$(cat out)" "the cat"

begin nothing_has_no_ids
eon tokenizer encode --tokenizer=t.json
expect_success
expect_equal "$(cat out)" ""

begin ids_are_printed_as_json
run bash -c 'printf "the" | "$1" tokenizer encode --json --tokenizer=t.json' - "$EON"
expect_success
expect_one_line out
expect_says out '"bytes":3'

begin each_input_is_a_text_of_its_own
printf 'the cat' >one
printf 'a lazy dog' >two
eon tokenizer encode --tokenizer=t.json one two
expect_success
mv out both
eon tokenizer encode --tokenizer=t.json one
mv out alone
expect_equal "$(head -n 1 both)" "$(cat alone)"
expect_equal "$(wc -l <both)" 2

begin ids_are_counted_or_written_as_integers
eon tokenizer encode --tokenizer=t.json --format=binary one
expect_success
expect_equal "$(od -An -v -t d4 out | xargs)" "$(cat alone)"
eon tokenizer encode --tokenizer=t.json --format=count one
expect_success
expect_equal "$(cat out)" "$(wc -w <alone)"
eon tokenizer encode --tokenizer=t.json --format=count --json --repeats=3 one
expect_success
expect_one_line out
expect_says out "\"tokens\":$(wc -w <alone),\"cpu_seconds\":["
eon tokenizer encode --tokenizer=t.json --format=list one
expect_refused "format"

begin gpt2_is_opened_by_its_two_files
needs_data gpt2-encoder.json gpt2-vocab.bpe
run bash -c 'printf "Hello world" | "$1" tokenizer encode --tokenizer="$2"' - "$EON" \
    "$data/gpt2-encoder.json,$data/gpt2-vocab.bpe"
expect_success
expect_equal "$(cat out)" "15496 995"

begin a_truncated_gzip_is_refused_and_nothing_written
head -c "$(($(stat -c %s words.gz) - 5))" words.gz >cut.gz
eon tokenizer train --vocab_size=300 --out=cut.json cut.gz
expect_refused "'cut.gz': truncated at byte"
expect_absent cut.json

begin garbage_after_a_member_is_refused
{ cat words.gz && echo garbage; } >tail.gz
eon tokenizer encode --tokenizer=t.json tail.gz
expect_refused "damaged gzip at byte"

begin options_are_checked
eon tokenizer train --out=none.json words.txt
expect_refused "vocab_size"
eon tokenizer train --vocab_size=256 --out=none.json words.txt
expect_refused "vocab_size"
eon tokenizer train --vocab_size=9223372036854775808 --out=none.json words.txt
expect_refused "vocab_size"
eon tokenizer train --vocab_size=300 --out=none.json --document_start='a(' words.txt
expect_refused "'a('"
eon tokenizer train --vocab_size=300 --out=none.json
expect_refused "tokenizer train"
eon tokenizer encode words.txt
expect_refused "tokenizer"
expect_absent none.json

begin a_hostile_tokenizer_is_refused
echo '{"model": {"type": "WordPiece"}}' >hostile.json
eon tokenizer encode --tokenizer=hostile.json words.txt
expect_refused "model 'WordPiece' is not supported"
eon tokenizer encode --tokenizer=/dev/zero words.txt
expect_refused "/dev/zero"

begin wrong_ids_are_refused
echo "1 2 300" >ids
eon tokenizer decode --tokenizer=t.json ids
expect_refused "beyond the vocabulary of 300"
echo "1 -2" >ids
eon tokenizer decode --tokenizer=t.json ids
expect_refused "byte 2 is in no token id"
echo "1 2x" >ids
eon tokenizer decode --tokenizer=t.json ids
expect_refused "byte 3 is in no token id"
echo "99999999999999999999999999" >ids
eon tokenizer decode --tokenizer=t.json ids
expect_refused "beyond the vocabulary"
