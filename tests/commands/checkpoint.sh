#!/usr/bin/env bash
# eon checkpoint list, verify, digest, diff: on checkpoints made by hand, after docs/checkpoint-format.md.
. "${0%/*}/lib.sh"

crc32_of() { # FILE: gzip ends in it, little-endian
    gzip -c "$1" | tail -c 8 | head -c 4 | od -An -t x1 |
        awk '{ print $4 $3 $2 $1 }'
}

sign() { # FOLDER: closes a manifest that lacks its checksum
    printf '  "checksum": "' >>"$1/manifest.json"
    local digits
    digits=$(sha256sum "$1/manifest.json")
    printf '%s"\n}\n' "${digits%% *}" >>"$1/manifest.json"
}

# A checkpoint of no tensors.
make_checkpoint() { # RUN STEP
    local folder
    folder=$1/checkpoints/$(printf 'step-%08d' "$2")
    mkdir -p "$folder"
    printf '{"loss": 1.25, "digested": {"step": %d}}\n' "$2" >"$folder/state.json"
    printf '{\n  "format": "eon-checkpoint", "version": 1, "step": %d, "world_size": 1,
  "created": "2026-11-22T22:07:20Z",
  "files": [ { "name": "state.json", "size": %d, "crc32": "%s" } ],\n' \
        "$2" "$(wc -c <"$folder/state.json")" "$(crc32_of "$folder/state.json")" \
        >"$folder/manifest.json"
    sign "$folder"
}

begin a_run_lists_its_checkpoints_newest_first
make_checkpoint run 9
make_checkpoint run 100
eon checkpoint list run
expect_success
expect_says out '2026-11-22T22:07:20Z  yes    1.2500'
expect_equal "$(awk '{ print $1 }' out | tr '\n' ' ')" 'step 100 9 '

begin a_list_is_machine_readable
eon checkpoint list run --json
expect_success
expect_says out '"loss": 1.25'
expect_says out '"valid": true'

begin a_run_without_checkpoints_lists_none
mkdir -p empty
eon checkpoint list empty
expect_success
expect_one_line out

begin the_digest_follows_its_specification
hash=$(printf 'eon-checkpoint-digest-1\n\x0c\0\0\0\0\0\0\0{"step":100}' | sha256sum)
eon checkpoint digest run
expect_success
expect_equal "$(cat out)" "${hash%% *}  run/checkpoints/step-00000100"

begin all_checkpoints_of_a_run_are_verified
eon checkpoint verify run
expect_success
expect_equal "$(grep -c '^valid' out)" 2

begin equal_checkpoints_have_no_difference
eon checkpoint diff run run/checkpoints/step-00000100
expect_success
expect_equal "$(cat out)" 'the same: 0 tensors, and all counters'

begin counters_that_differ_are_named
eon checkpoint diff run/checkpoints/step-00000009 run
expect_exit 1
expect_equal "$(cat out)" 'state           step: 9, 100'
expect_says err '0 of 0 tensors and 1 counters differ'
eon checkpoint diff run/checkpoints/step-00000009 run --json
expect_exit 1
expect_says out '"same": false'

begin pruning_tells_what_it_would_remove_first
eon checkpoint prune run --keep_last=1 --dry_run
expect_success
expect_equal "$(cat out)" 'keep    run/checkpoints/step-00000100
remove  run/checkpoints/step-00000009'
expect test -d run/checkpoints/step-00000009
cp -R run pruned
eon checkpoint prune pruned --keep_last=1
expect_success
expect_absent pruned/checkpoints/step-00000009
expect test -d pruned/checkpoints/step-00000100

begin what_is_no_run_is_not_pruned
eon checkpoint prune run/checkpoints/step-00000100
expect_refused 'no run'

begin a_damaged_file_is_named
printf '9' | dd of=run/checkpoints/step-00000100/state.json bs=1 seek=9 conv=notrunc 2>dd.log
eon checkpoint verify run
expect_exit 2
expect_one_line err
expect_says err "'run/checkpoints/step-00000100/state.json': its checksum is"
expect_says out 'valid  run/checkpoints/step-00000009'

begin a_damaged_checkpoint_is_refused
eon checkpoint digest run/checkpoints/step-00000100
expect_refused 'its checksum is'

begin the_checkpoint_before_a_damaged_one_is_digested
eon checkpoint digest run
expect_success
expect_says err 'the checkpoint before it is tried'
expect_says out 'step-00000009'

begin a_checkpoint_without_a_manifest_was_never_committed
rm run/checkpoints/step-00000100/manifest.json
eon checkpoint verify run/checkpoints/step-00000100
expect_refused 'it was never committed'

begin a_manifest_of_a_newer_version_says_so
make_checkpoint newer 1
sed -i -e 's/"version": 1/"version": 4/' -e '/checksum/,$d' newer/checkpoints/step-00000001/manifest.json
sign newer/checkpoints/step-00000001
eon checkpoint digest newer/checkpoints/step-00000001
expect_refused 'format version 4 is newer'

begin what_does_not_exist_is_refused
eon checkpoint digest nowhere
expect_refused 'no such folder'
eon checkpoint list nowhere
expect_refused 'no such folder'
eon checkpoint diff run/checkpoints/step-00000009 nowhere
expect_refused 'no such folder'
