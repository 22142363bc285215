#!/usr/bin/env bash
# Training where one rank's disk fails, or is slow.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

program=${EON%/*}/tests/commands/disk_faults # made beside eon
unset SLURM_NTASKS SLURM_PROCID SLURM_STEP_ID

train_with() { # FAULT RUN OPTION...
    run timeout --kill-after=5 60 env DISK_FAULT="$1" mpirun -n 3 "$program" train --layers=1 \
        --width=16 --heads=2 --seq_len=16 --leaves=6 --leaf_sequences=1 --warmup_steps=0 \
        --threads=1 --steps=600 --save_every=0 --corpus=corpus --run="$2" "${@:3}"
}

begin a_disk_that_fails_ends_the_run_with_file_and_rank
expect make_corpus "$PWD/corpus"
train_with eio:1:3 failing
expect_exit 1
grep '^eon: ' err | grep -v 'parameters' >messages
expect grep -q "rank 1.*-00000.h5.*Input/output error" messages
expect_equal "$(grep -c 'Input/output error' err)" 1

begin a_disk_that_fails_from_the_start_does_too
train_with eio:2:0 never
expect_exit 1
expect grep -q "rank 2.*-00000.h5.*Input/output error" err
expect_absent never

begin a_slow_disk_changes_no_bit
train_with slow:1:3 slow --steps=8 --document_mask
expect_success
train_with slow:99:0 fast --steps=8 --document_mask
expect_success
expect_equal "$("$EON" checkpoint digest slow | cut -d' ' -f1)" \
    "$("$EON" checkpoint digest fast | cut -d' ' -f1)"
