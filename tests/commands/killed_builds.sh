#!/usr/bin/env bash
# eon shards build, killed at any moment: EON_SOAK=1 kills it 100 times.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

kills=${EON_SOAK:+100}
kills=${kills:-8}

build() { # OUT
    exec "$EON" shards build --tokenizer=tokenizer.json --document_bytes=500 --holdout=0.1 \
        --deduplicate=near --keep_rejected --lot_bytes=20000 --shard_tokens=9000 --threads=2 \
        --out="$1" text.txt again.txt
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# What was complete before the kill counts, and the next one begins anew.
take_away_what_is_complete() {
    [ -d killed ] || return
    expect diff -r whole killed
    rm -r killed
    completed=$((completed + 1))
}

begin a_build_killed_at_any_moment_ends_in_the_same_bytes
expect make_corpus "$PWD/corpus"
cp text.txt again.txt
begun=$(milliseconds)
(build whole) >log 2>&1
expect test -d whole
longest=$((($(milliseconds) - begun) * 5 / 4))
completed=0
for ((i = 0; i < kills; i++)); do
    build killed >log 2>&1 &
    job=$!
    moment=$((RANDOM * longest / 32768))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill -KILL $job 2>/dev/null
    wait $job 2>/dev/null
    take_away_what_is_complete
done
(build killed) >log 2>&1
take_away_what_is_complete
expect test "$completed" -ge 1
expect_absent killed.partial
