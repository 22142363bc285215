#!/usr/bin/env bash
# Before anything starts: ranks that run different programs, or that add up wrong, are refused.
. "${0%/*}/lib.sh"

program=${EON%/*}/tests/commands/sum_faults # made beside eon

three_ranks_with() { # FAULT RANK
    run mpirun -n 3 "$program" self-test "$1" "$2"
}

# mpirun adds lines of its own about the end of the job; that of Open MPI 5 ends them with a NUL.
expect_message() { # TEXT...
    tr -d '\0' <err | grep '^eon: ' >messages
    [ "$(wc -l <messages)" = 1 ] || not_ok "not one message: $(tr '\n' '|' <messages)"
    local text
    for text; do
        expect_says messages "$text"
    done
}

begin ranks_that_add_up_right_pass_the_self_test
three_ranks_with none 0
expect_success
expect_silent err

begin a_sum_that_is_wrong_in_its_last_bit_is_found
three_ranks_with last-bit-of-a-sum 0
expect_exit 1
expect_message 'the self-test of 3 ranks' 'rank 0 on ' 'element 0 of 1 of a gradient'

begin a_whole_that_is_not_what_its_owners_had_is_found
three_ranks_with gather 0
expect_exit 1
expect_message 'the self-test of 3 ranks' 'gathered from its owners'

begin a_wrong_sum_of_leaf_values_is_found
three_ranks_with leaf-values 1
expect_exit 1
expect_message 'rank 1 on ' "element 2 of 3 of the leaves' values"

begin a_loan_that_arrived_damaged_is_found
three_ranks_with loan 1
expect_exit 1
expect_message 'rank 1 on ' 'that was lent'

begin ranks_of_two_builds_are_refused
cp "$EON" other_build && printf 'x' >>other_build
run mpirun -n 2 "$EON" bench reduce --max_bytes=1k : -n 1 ./other_build bench reduce --max_bytes=1k
expect_exit 1
expect_silent out
expect_message "ranks disagree about the program's file" 'rank 2 on ' 'differs from rank 0'

begin one_build_in_two_places_is_one
cp "$EON" same_build
run mpirun -n 1 "$EON" bench reduce --max_bytes=1k --repeats=1 : \
    -n 1 ./same_build bench reduce --max_bytes=1k --repeats=1
expect_success

begin too_little_shared_memory_is_said_before_anything_starts
. "${0%/*}/corpus_of_sources.sh"
unshare --mount true 2>/dev/null || skip 'no right to a mount namespace'
expect make_corpus "$PWD/corpus"
# shellcheck disable=SC2016 # the inner shell's
run unshare --mount sh -c 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"' sh \
    mpirun -n 2 "$EON" train --run=run --corpus=corpus --layers=8 --width=512 --heads=8 \
    --seq_len=32 --leaves=2 --leaf_sequences=1 --steps=1 --warmup_steps=0
expect_exit 1
expect_message '/dev/shm on ' ' the 2 ranks there need ' 'make it larger'
