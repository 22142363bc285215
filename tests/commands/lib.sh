# Helpers for tests of commands: a test reads as sentences.
#
#   . "${0%/*}/lib.sh"
#
#   begin an_unknown_key_is_refused_with_the_nearest_one
#   eon train --stesp=3
#   expect_exit 2
#   expect_one_line err
#   expect_says err "did you mean 'steps'"
#
#   begin the_vocabulary_of_gpt2_is_read
#   needs_data gpt2-vocab.bpe
#   ...
#
# `begin` closes the case before it, the end of the script closes the last. A case fails at its
# first expectation that does not hold; those after it are not looked at. `eon` and `run` leave
# $exit_status and the files `out` and `err` in the current folder, which is empty at the start of
# the script and kept from case to case. tests/run sets $EON, $EON_TEST_DATA and MPI's environment.
# shellcheck shell=bash

EON=${EON:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build/eon}
case_name='' case_verdict='' exit_status=0

begin() { # NAME
    finish_case
    case_name=$1 case_verdict=ok
}

finish_case() {
    [ -z "$case_name" ] || printf '%s\n' "${case_verdict/#ok/ok $case_name}"
    case_name=''
}
trap 'finish_case' EXIT

still_good() { [ "$case_verdict" = ok ]; }

not_ok() { # WHY...
    if still_good; then
        case_verdict="not ok $case_name - $*"
    fi
}

skip() { # WHY...: the rest of the case is not looked at
    if still_good; then
        case_verdict="skip $case_name - $*"
    fi
}

needs_data() { # FILE...: sets `data` to the folder of real data, or skips the case
    data=${EON_TEST_DATA:-/nowhere}
    local file
    for file; do
        [ -e "$data/$file" ] || skip "no \$EON_TEST_DATA/$file"
    done
}

# In a case that is decided already nothing runs any more.
run() { # COMMAND...
    still_good || return 0
    exit_status=0
    "$@" >out 2>err </dev/null || exit_status=$?
    ! grep -q 'blocks of memory are still held' err || not_ok "$(tail -n 1 err)"
}

eon() { run "$EON" "$@"; }

eon_on() { # RANKS ARGUMENT...
    run mpirun -n "$1" "$EON" "${@:2}"
}

# Below mpirun there are the ranks, in some versions with a launcher between.
processes_below() { # PID NAME: those that run the program NAME
    local status pid
    for status in $(grep -lsE "^PPid:[[:space:]]+$1\$" /proc/[0-9]*/status); do
        pid=${status//[!0-9]/}
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || echo "$pid"
        processes_below "$pid" "$2"
    done
}

# Trains until a checkpoint is there; then one rank is killed, which must end the job.
kill_once_saved() { # RANKS RUN OPTION...
    local job victim
    mpirun -n "$1" "$EON" train --run="$2" "${@:3}" >killed.out 2>killed.err &
    job=$!
    until compgen -G "$2/checkpoints/step-*0" >/dev/null || ! kill -0 $job 2>/dev/null; do
        sleep 0.01
    done
    victim=$(processes_below $job eon | tail -n 1)
    expect test -n "$victim"
    [ -z "$victim" ] || kill -KILL "$victim"
    exit_status=0
    wait $job || exit_status=$?
    expect test $exit_status -ne 0
}

expect() { # COMMAND...: which succeeds
    still_good || return 0
    "$@" || not_ok "expected: $*"
}

expect_exit() { # STATUS
    [ "$exit_status" = "$1" ] ||
        not_ok "exit status $exit_status instead of $1: $(head -c 500 err | tr '\n' '|')"
}

expect_success() { expect_exit 0; }

expect_one_line() { # out|err
    [ "$(wc -l <"$1")" = 1 ] || not_ok "$1 is not one line: $(head -c 500 "$1" | tr '\n' '|')"
}

expect_says() { # out|err TEXT
    grep -qF -e "$2" "$1" || not_ok "$1 does not say '$2': $(head -c 500 "$1" | tr '\n' '|')"
}

expect_silent() { # out|err
    [ ! -s "$1" ] || not_ok "$1 is not empty: $(head -c 500 "$1" | tr '\n' '|')"
}

# Wrong use or a hostile file: status 2, one line that says why, and no result.
expect_refused() { # TEXT
    expect_exit 2
    expect_silent out
    expect_one_line err
    expect_says err "$1"
}

expect_equal() { # LEFT RIGHT
    [ "$1" = "$2" ] || not_ok "'$1' is not '$2'"
}

expect_same_file() { # LEFT RIGHT
    cmp -s "$1" "$2" || not_ok "'$1' and '$2' differ"
}

expect_absent() { # PATH...
    local path
    for path; do
        [ ! -e "$path" ] || not_ok "'$path' was left behind"
    done
}
