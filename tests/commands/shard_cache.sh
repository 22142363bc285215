#!/usr/bin/env bash
# Shards are copied to a node's own disk ahead of use, and nothing depends on it.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

# Long enough for some copies to be made meanwhile.
train_on() { # RANKS RUN OPTION...
    eon_on "$1" train --layers=1 --width=16 --heads=2 --seq_len=16 --leaves=6 --leaf_sequences=4 \
        --warmup_steps=0 --threads=1 --steps=600 --log_every=600 --save_every=0 --corpus=many \
        --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

copies() { # FOLDER
    find "$1" -name '*.h5' | wc -l
}

bytes_in() { # FOLDER
    find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

damage() { # FILE...: amid their tokens
    local file
    for file; do
        printf 'damage' | dd of="$file" bs=1 seek=3500 conv=notrunc status=none
    done
}

# A training may be over before the last shard is copied: once more, then.
copy_all() {
    local trials=10
    while [ "$(copies cache)" != "$shards" ] && [ $((trials--)) -gt 0 ]; do
        rm -rf fill
        train_on 1 fill --shard_cache_dir=cache --steps=400
        expect_success
    done
}

# Every file is what its name says.
expect_whole() { # FOLDER
    local file
    for file in "$1"/*.h5; do
        expect_equal "$(sha256sum <"$file" | cut -d' ' -f1)" "$(basename "$file" .h5)"
    done
}

begin shards_are_copied_and_the_bits_are_the_same
expect make_corpus "$PWD/corpus"
eon shards build --tokenizer=tokenizer.json --document_bytes=500 --holdout=0.1 --shard_tokens=5000 \
    --out=many text.txt
expect_success
train_on 2 without
expect_success
train_on 2 with --shard_cache_dir=cache
expect_success
expect_equal "$(digest with)" "$(digest without)"
expect test "$(copies cache)" -gt 0
expect_whole cache

begin every_shard_is_copied_where_there_is_room
mkdir -p cache
shards=$(find many -name 'train-*.h5' | wc -l)
copy_all
expect_equal "$(copies cache)" "$shards"

begin copies_are_read_instead_of_the_shards
cp -R many kept
damage many/train-*.h5
train_on 2 from-copies --shard_cache_dir=cache
expect_success
expect_equal "$(digest from-copies)" "$(digest without)"
train_on 2 from-shards
expect_exit 2
expect_says err 'fails its checksum'
rm -r many && mv kept many

begin the_folder_stays_within_its_bound
bound=$(($(stat -c %s many/train-00000.h5) * 5 / 2))
train_on 2 bounded --shard_cache_dir=small --shard_cache_bytes=$bound
expect_success
expect test "$(bytes_in small)" -le $bound
expect test "$(copies small)" -ge 1
expect_whole small

begin a_damaged_copy_is_removed_and_the_shard_read_instead
damage cache/*.h5
train_on 2 damaged --shard_cache_dir=cache
expect_success
expect_says err 'the copy '
expect_equal "$(digest damaged)" "$(digest without)"

begin a_copy_that_was_cut_is_removed_too
rm -rf cache && mkdir cache
for file in many/train-*.h5; do
    head -c 3000 "$file" >"cache/$(sha256sum <"$file" | cut -d' ' -f1).h5"
done
train_on 2 cut --shard_cache_dir=cache
expect_success
expect_equal "$(digest cut)" "$(digest without)"

begin what_a_killed_job_left_is_made_anew
rm -rf cache && mkdir cache
for file in many/train-*.h5; do
    printf 'half' >"cache/$(sha256sum <"$file" | cut -d' ' -f1).h5.partial"
done
copy_all
expect_equal "$(find cache -name '*.partial' | wc -l)" 0
expect_equal "$(copies cache)" "$shards"
expect_whole cache

begin two_jobs_share_a_folder
rm -rf cache
# shellcheck disable=SC2030,SC2031
(train_on 1 first --shard_cache_dir=cache --steps=400) &
(train_on 1 second --shard_cache_dir=cache --steps=400) &
wait
expect_equal "$(digest first)" "$(digest second)"
expect_whole cache
expect_equal "$(find cache -name '*.partial' | wc -l)" 0

begin a_folder_that_cannot_be_made_is_a_warning
train_on 2 nowhere --shard_cache_dir=/proc/nowhere
expect_success
expect_says err 'shards are read from where they are'
expect_equal "$(digest nowhere)" "$(digest without)"

begin a_full_disk_is_a_warning
mkdir -p full
mount -t tmpfs -o size=24k tmpfs full 2>/dev/null || skip 'no tmpfs can be mounted here'
train_on 2 full-disk --shard_cache_dir=full
umount full 2>/dev/null
expect_success
expect_says err 'shards are read from where they are'
expect_equal "$(digest full-disk)" "$(digest without)"

begin wrong_bounds_are_refused
for bytes in 0 -1 1e30 x; do
    train_on 1 wrong --shard_cache_dir=cache --shard_cache_bytes=$bytes
    expect_exit 2
done
