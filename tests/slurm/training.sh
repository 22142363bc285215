# Trainings as Slurm jobs, for the tests of this folder: small ones that last for seconds, and end
# like the same run on one rank without Slurm.
#
#   . "${0%/*}/training.sh"
#
#   begin a_warning_saves_and_requeues
#   submit_run first
#   until_step first 30
#   run scancel --batch --signal=USR1 "$job"
#   expect_trained first
#
# Sourced outside of a cluster it is skipped, or starts the script again within one: lib.sh.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/lib.sh"
. "${BASH_SOURCE[0]%/*}/../commands/corpus_of_sources.sh"

steps=150 interval=20
model="--layers=2 --width=64 --heads=4 --kv_heads=2 --seq_len=64 --leaves=8 --leaf_sequences=2
       --warmup_steps=5 --threads=1 --steps=$steps --save_every=$interval --log_every=1
       --validate_sequences=2"

# The run without Slurm, on one rank.
make_oracle() {
    make_corpus "$PWD/corpus" && oracle=$(digest_of_plain_run)
    [ -n "${oracle-}" ]
}

digest_of_plain_run() {
    # shellcheck disable=SC2086  # the model is several words
    "$EON" train $model --corpus=corpus --run=oracle >oracle.log 2>&1 && digest_of oracle
}

digest_of() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

# Sets `job`. EON_LAUNCHER chooses the launcher.
submit_run() { # RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon slurm submit --nodes=4 --time=10 $model --corpus=corpus --run="$1" --json "${@:2}"
    expect_success
    job=$(sed -n 's/.*"job":"\([0-9]*\)".*/\1/p' out)
    expect test -n "$job"
}

# Polls until COMMAND succeeds: 120 seconds at most.
until_true() { # COMMAND...
    local tenths
    still_good || return 0
    for ((tenths = 0; tenths < 1200; tenths++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    not_ok "not within 120 s: $*"
}

last_step() { # RUN
    sed -n 's/^{"step":\([0-9]*\),"loss.*/\1/p' "$1/metrics.jsonl" 2>/dev/null | tail -n 1
}

has_step() { # RUN STEP
    local step
    step=$(last_step "$1")
    [ "${step:-0}" -ge "$2" ]
}

until_step() { # RUN STEP
    until_true has_step "$1" "$2"
}

starts_of() { # RUN
    grep -c '"event":"start"' "$1/slurm.jsonl"
}

reasons_of() { # RUN: why its jobs ended, a line each
    sed -n 's/.*"event":"end".*"reason":"\([^"]*\)".*/\1/p' "$1/slurm.jsonl"
}

is_done() { # RUN
    reasons_of "$1" | grep -qx done
}

job_state() { # JOB
    squeue --noheader --jobs="$1" --states=all --format=%T
}

# Between a stop and the next start at most one interval of checkpoints is computed again.
expect_little_again() { # RUN
    local again
    again=$(awk '
        match($0, /^step [0-9]+\//) { step = substr($0, 6, RLENGTH - 6) + 0 }
        match($0, /at step [0-9]+ of /) { from = substr($0, RSTART + 8, RLENGTH - 12) + 0
                                          if (step - from > most) most = step - from }
        END { print most + 0 }' "$1"/slurm-*.out)
    [ "$again" -le $interval ] || not_ok "$again steps were computed again"
}

# It ends trained by itself, as the oracle did.
expect_trained() { # RUN
    until_true is_done "$1"
    still_good || not_ok "$(tail -n 5 "$1"/slurm-*.out | tr '\n' '|')"
    expect_equal "$(digest_of "$1")" "$oracle"
    expect_little_again "$1"
}

expect_reason() { # RUN TEXT: the first job's end
    reasons_of "$1" | head -n 1 | grep -qF -e "$2" || not_ok "not ended for '$2': $(reasons_of "$1")"
}
