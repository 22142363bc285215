#!/usr/bin/env bash
# eon shards build: formats, duplicates, rules, ranks, and builds that are stopped.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

# Words of eon's pages, 60 a document, as JSON lines; from document 300 on with some of the first
# again: equal, or with one word changed.
make_jsonl() {
    cat "$project_root"/docs/*.md "$project_root"/README.md | tr -cs 'A-Za-z' '\n' |
        awk -v words=60 '
            { text = text (NR % words == 1 ? "" : " ") $0 }
            NR % words == 0 { document[count++] = text; text = "" }
            END {
                for (i = 0; i < 400; i++) {
                    text = document[i]
                    if (i >= 300 && i < 310) text = document[i - 300]
                    if (i >= 310 && i < 320) { text = document[i - 300]; sub(" [A-Za-z]+$", " changed", text) }
                    printf "{\"text\":\"%s\",\"url\":\"https://example.org/%d\"}\n", text, i
                }
            }'
}

make_wet() { # INPUT: paragraphs
    awk -v RS= '{
        text = $0 "\n"
        printf "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/page%d\r\n", NR
        printf "WARC-Identified-Content-Language: eng\r\nContent-Type: text/plain\r\n"
        printf "Content-Length: %d\r\n\r\n%s\r\n\r\n", length(text), text
    }' "$1"
}

shape=(--tokenizer=tokenizer.json --document_bytes=500 --holdout=0.1 --lot_bytes=20000
    --shard_tokens=9000)

build() { eon shards build "${shape[@]}" "$@"; } # OPTION... INPUT...

build_on() { # RANKS OPTION... INPUT...
    eon_on "$1" shards build "${shape[@]}" "${@:2}"
}

rejected_by() { # RULE: of the last build, documents
    awk -v rule="$1" '$1 == rule { print $2 }' out
}

make_corpus "$PWD/corpus"
make_jsonl >pages.jsonl
gzip -kf pages.jsonl
LC_ALL=C make_wet text.txt | gzip >pages.warc.wet.gz
inputs=(text.txt pages.jsonl.gz pages.warc.wet.gz)

begin every_number_of_ranks_gives_the_same_bytes
build --out=one --deduplicate=near --keep_rejected "${inputs[@]}"
expect_success
eon shards verify one
expect_success
for ranks in 2 3 5; do
    build_on $ranks --threads=$ranks --out=many --overwrite --deduplicate=near --keep_rejected \
        "${inputs[@]}"
    expect_success
    expect diff -r one many
done

begin a_single_large_input_is_shared_by_ranks
build --out=whole pages.jsonl
build_on 3 --out=shared pages.jsonl
expect_success
expect diff -r whole shared

begin documents_of_every_format_keep_their_names
eon shards show one --json --document=0
expect_success
eon shards show whole --json --document=5
expect_says out 'https://example.org/'
build --out=wet --holdout=0 --deduplicate=no pages.warc.wet.gz
eon shards show wet --json --document=2
expect_says out 'https://example.org/page3'

begin equal_documents_are_left_out_and_counted
build --out=exact pages.jsonl
expect_success
expect_equal "$(rejected_by exact_duplicate)" 10
expect_equal "$(rejected_by near_duplicate)" ''

begin near_duplicates_are_left_out_and_counted
build --out=near --deduplicate=near --keep_rejected pages.jsonl
expect_success
expect_equal "$(rejected_by exact_duplicate)" 10
# A word of 60 that differs leaves 51 of 56 5-grams and more in common: 0.84, which 14 bands of 8
# find with a probability of 0.98.
expect test "$(rejected_by near_duplicate)" -ge 8
expect test "$(rejected_by near_duplicate)" -le 10

begin what_is_left_out_is_written_with_its_rule
gzip -dc near/rejected/00000-pages.jsonl.jsonl.gz >rejected.jsonl
expect_equal "$(grep -c '"rule":"exact_duplicate"' rejected.jsonl)" 10
expect_says rejected.jsonl '"number":300,"name":"https://example.org/300"'
first=$(sed -n 's/.*"text":"\([^"]*\)".*/\1/p' pages.jsonl | head -n 1)
expect_says rejected.jsonl "\"text\":\"$first\"}"

begin duplicates_are_found_with_little_memory
build --out=little --deduplicate=near --dedup_memory=1 "${inputs[@]}"
expect_success
expect_equal "$(grep sha256 little/corpus.json | sort)" "$(grep sha256 one/corpus.json | sort)"

begin rules_of_quality_reject_and_are_recorded
build --out=judged --quality=gopher --gopher_min_words=61 --deduplicate=no pages.jsonl
expect_refused 'the inputs hold no document'
build --out=judged --gopher_min_words=60 --gopher_min_stop_words=2 --deduplicate=no pages.jsonl
expect_success
expect test "$(rejected_by gopher_min_stop_words)" -gt 0
expect_says judged/corpus.json 'gopher_min_words 60'
eon shards info judged
expect grep -q '^    gopher_min_words 60$' out
build --out=refused --quality=gophers pages.jsonl
expect_refused "gophers"
expect_absent refused refused.partial

begin bad_lines_are_counted
printf '{"text":"fine words"}\n{"text":1}\nno json\n{"text":"\\ud800"}\n' >bad.jsonl
build --out=bad --holdout=0 bad.jsonl
expect_success
expect_equal "$(rejected_by no_text) $(rejected_by bad_json)" '1 2'
expect_equal "$(rejected_by train)" 1

begin standard_input_is_read
run sh -c "'$EON' shards build --tokenizer=tokenizer.json --out=piped --format=jsonl - <pages.jsonl"
expect_success
eon shards build --tokenizer=tokenizer.json --out=named pages.jsonl
expect_same_file piped/train-00000.h5 named/train-00000.h5

begin a_folder_is_all_its_files
mkdir -p folder/below && cp text.txt folder/ && cp pages.jsonl folder/below/
build --out=of-folder folder
build --out=of-files folder/below/pages.jsonl folder/text.txt
expect_success
expect_same_file of-folder/train-00000.h5 of-files/train-00000.h5

begin a_damaged_input_keeps_what_was_done_with_the_others
head -c -100 pages.warc.wet.gz >cut.warc.wet.gz
build --out=mended text.txt cut.warc.wet.gz
expect_refused 'cut.warc.wet.gz'
expect test -d mended.partial/work/lots
cp pages.warc.wet.gz cut.warc.wet.gz
build --out=mended text.txt cut.warc.wet.gz
expect_success
expect_absent mended.partial
cp pages.warc.wet.gz other.gz && mv other.gz cut.warc.wet.gz
build --out=fresh text.txt cut.warc.wet.gz
expect_same_file mended/train-00000.h5 fresh/train-00000.h5

begin a_build_that_lost_a_rank_goes_on_at_another_number_of_ranks
for trial in 0 0 1 1 0 0 1 1; do
    mpirun -n 2 "$EON" shards build "${shape[@]}" --deduplicate=near --keep_rejected --out=killed \
        "${inputs[@]}" >killed.out 2>killed.err &
    job=$!
    until victim=$(processes_below $job eon | tail -n 1) && [ -n "$victim" ] ||
        ! kill -0 $job 2>/dev/null; do
        sleep 0.01
    done
    until compgen -G "killed.partial/work/lots/*/0000000$trial" >/dev/null ||
        ! kill -0 $job 2>/dev/null; do
        sleep 0.002
    done
    [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
    wait $job
    [ -e killed ] || break
    rm -r killed # the build was faster
done
expect test -d killed.partial/work/lots
build_on 3 --out=killed --deduplicate=near --keep_rejected "${inputs[@]}"
expect_success
expect_says err 'goes on from an earlier build'
expect diff -r one killed
expect_absent killed.partial
