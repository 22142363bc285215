#!/usr/bin/env bash
# Trouble in a training, of one rank or of all: it ends soon, with a bad status and one message.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=1 --width=16 --heads=2 --seq_len=16 --leaves=2 --leaf_sequences=1
       --warmup_steps=0 --log_every=1 --threads=1 --schedule=constant'

# Rank N works in the folder rankN, where its corpus is; the run is shared.
# shellcheck disable=SC2016  # the ranks expand it
in_own_folder='cd "rank${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-$PMI_RANK}}" || exit
               if [ -e limit ]; then ulimit -v "$(cat limit)"; fi
               exec "$0" "$@"'

train_in_own_folders() { # RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    run timeout --kill-after=5 60 mpirun -n 2 bash -c "$in_own_folder" "$EON" train $model \
        --corpus=corpus --run="$PWD/$1" "${@:2}"
}

new_folders() {
    rm -rf rank0 rank1 && mkdir rank0 rank1 && cp -R corpus rank0/ && cp -R corpus rank1/
}

# mpirun adds lines of its own about the end of the job.
expect_message() { # EXIT_STATUS TEXT
    expect_exit "$1"
    tr -d '\0' <err | grep '^eon: ' | grep -v '^eon: warning' >messages # Open MPI 5 adds a NUL
    [ "$(wc -l <messages)" = 1 ] || not_ok "not one message: $(tr '\n' '|' <messages)"
    expect_says messages "$2"
}

start_alone() { # RUN OPTION...: in the background, until it has taken a step; its pid is $job
    rm -f job.err
    # shellcheck disable=SC2086
    "$EON" train $model --corpus=corpus --run="$1" --steps=1000000 "${@:2}" >out 2>job.err &
    job=$!
    until grep -qs '^step [0-9]*/' job.err || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
}

end_alone() { # SIGNAL
    kill -"$1" $job
    exit_status=0
    wait $job 2>/dev/null || exit_status=$?
    cp job.err err
}

until_true() { # COMMAND...: or 30 seconds have passed
    local tries
    for tries in {1..300}; do
        "$@" && return
        sleep 0.1
    done
    not_ok "never came true after $tries tries: $*"
}

begin ranks_in_their_own_folders_train
expect make_corpus "$PWD/corpus"
new_folders
train_in_own_folders healthy --steps=2
expect_success

begin a_shard_that_one_rank_misses_ends_all
rm -f rank1/corpus/train-00000.h5
train_in_own_folders none --steps=2
expect_message 2 train-00000.h5
expect_says messages 'rank 1 on '
expect_absent none

begin a_shard_that_is_truncated_for_one_rank_ends_all
new_folders
truncate -s -1 rank0/corpus/train-00000.h5
train_in_own_folders none --steps=2
expect_message 2 train-00000.h5
expect_says messages 'rank 0 on '
expect_absent none

begin ranks_with_different_corpora_are_refused
new_folders
rm -rf rank1/corpus
run "$EON" shards build --tokenizer=tokenizer.json --document_bytes=1000 --holdout=0.1 \
    --out=rank1/corpus text.txt
train_in_own_folders none --steps=2
expect_message 1 'ranks disagree about the corpus'
expect_absent none

begin memory_that_one_rank_does_not_get_ends_all
new_folders
echo 4000000 >rank1/limit
if (ulimit -v 4000000 && "$EON" help) >/dev/null 2>&1; then
    train_in_own_folders none --steps=2 --seq_len=64 --leaf_sequences=65536
    expect_message 1 'out of memory'
else
    skip 'a sanitizer takes more address space than the limit'
fi

begin a_second_job_on_a_run_is_refused_until_the_first_has_ended
start_alone locked
# shellcheck disable=SC2086
run timeout --kill-after=5 30 "$EON" train $model --corpus=corpus --run=locked --steps=1000000
expect_refused "run 'locked' is in use by another job"
until_true test -d locked/checkpoints
eon checkpoint prune locked
expect_refused "run 'locked' is in use by another job"
expect kill -0 $job
end_alone KILL
start_alone locked
end_alone TERM
expect_exit 75

begin a_job_that_hangs_keeps_its_run_and_a_dead_one_leaves_it
start_alone hanging --save_every=1
until_true compgen -G 'hanging/checkpoints/step-*[0-9]' >/dev/null
kill -STOP $job
# shellcheck disable=SC2086
run timeout --kill-after=5 30 "$EON" train $model --corpus=corpus --run=hanging --steps=1000000
expect_refused "run 'hanging' is in use by another job"
end_alone KILL
echo 1 >hanging/lock # as others write the number of a process that lives
chmod a-w hanging/lock
start_alone hanging --stop_after=1
wait $job
cp job.err err
expect_says err "resuming run 'hanging' at step "

# A file where a folder should be; the run may make the folder anew in between.
block_folder() { # PATH
    until [ -f "$1" ]; do
        rm -rf "$1"
        : >"$1"
    done 2>/dev/null
}

begin a_last_checkpoint_that_cannot_be_saved_fails_the_run
start_alone unsaved
block_folder unsaved/checkpoints
end_alone TERM
expect_message "$exit_status" "'unsaved/checkpoints"
expect test "$exit_status" = 1 -o "$exit_status" = 2

begin a_checkpoint_between_that_cannot_be_saved_is_a_warning
start_alone between --save_every=0 --stop_after=0
end_alone TERM
expect_exit 75
mv between/checkpoints between/saved && cp -R between/saved between/checkpoints
start_alone between --save_every=20
block_folder between/checkpoints
until_true grep -q 'training goes on: step .* is not saved' job.err
rm -f between/checkpoints
until_true compgen -G 'between/checkpoints/step-*0' >/dev/null
end_alone TERM
expect_exit 75
