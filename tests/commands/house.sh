#!/usr/bin/env bash
# What guards the project is itself tried: the test runner's counts, the layers, the house rules,
# and what is said where a library is missing.
. "${0%/*}/lib.sh"

source_root=$(cd "${0%/*}/../.." && pwd)
here=$PWD

# A small project of its own, with the guard under test at its place.
new_project() { # GUARD
    rm -rf project
    mkdir -p project/{.ci,base,shards,comm,checkpoints,trainer,configs,slurm,build/tests/{unit,mpi}}
    mkdir -p project/tests/{commands,mpi}
    cp "$source_root/$1" "project/$1"
    touch project/Makefile project/tests/commands/lib.sh
}

program() { # PATH LINE...: a test program that prints these lines
    printf '%s\n' '#!/bin/sh' "${@:2}" >"project/build/tests/$1"
    chmod +x "project/build/tests/$1"
}

run_tests() { # PATH...: as the runner is called by make
    local paths=() path
    for path; do
        paths+=("$here/project/build/tests/$path")
    done
    run env BUILD="$here/project/build" project/tests/run "${paths[@]}"
}

expect_count() { # LINE
    expect_equal "$(tail -n 1 out)" "$1"
}

begin cases_that_pass_fail_and_are_skipped_are_counted
new_project tests/run
program unit/test_a 'echo 1..3' 'echo ok 1 - a' 'echo not ok 2 - b' 'echo not ok 3 \# SKIP c' 'exit 1'
program unit/test_b 'echo ok one' 'echo skip two - why' 'echo ok three'
run_tests unit/test_a unit/test_b
expect_exit 1
expect_count '3 passed, 1 failed, 2 skipped'

begin cases_that_were_announced_and_never_came_have_failed
program unit/test_a 'echo 1..4' 'echo ok 1 - a' 'kill -9 $$'
run_tests unit/test_a
expect_exit 1
expect_count '1 passed, 3 failed, 0 skipped'

begin a_bad_exit_status_fails_though_every_case_passed
program unit/test_a 'echo 1..1' 'echo ok 1 - a' 'exit 3'
run_tests unit/test_a
expect_exit 1
expect_count '1 passed, 1 failed, 0 skipped'

begin a_program_that_prints_nothing_has_failed
program unit/test_a 'exit 0'
run_tests unit/test_a
expect_exit 1
expect_count '0 passed, 1 failed, 0 skipped'

begin skipping_everything_is_no_success
program unit/test_a 'echo skip all - no data'
run_tests unit/test_a
expect_exit 1
expect_count '0 passed, 0 failed, 1 skipped'

begin a_program_that_hangs_is_ended
program unit/test_a 'echo 1..1' 'sleep 60'
run env EON_TEST_TIMEOUT=1 BUILD="$here/project/build" \
    project/tests/run "$here/project/build/tests/unit/test_a"
expect_exit 1
expect_says out 'ended after 1 s'
expect_count '0 passed, 1 failed, 0 skipped'

begin a_case_passes_only_where_every_rank_passes_it
echo '/* ranks: 1 3 */' >project/tests/mpi/test_m.c
program mpi/test_m 'echo 1..2' 'echo ok 1 - a' \
    '[ "$OMPI_COMM_WORLD_RANK" = 2 ] && echo not ok 2 - b || echo ok 2 - b'
run_tests mpi/test_m
expect_exit 1
expect_count '3 passed, 1 failed, 0 skipped'

begin an_include_downwards_is_fine
new_project .ci/layers
mkdir -p project/shards/building
echo '#include "base/a.h"' >project/shards/b.c
echo '#include "shards/inputs/a.h"' >project/shards/building/c.c
run project/.ci/layers
expect_success

begin an_include_upwards_is_named
echo '#include "trainer/b.h"' >project/base/a.c
run project/.ci/layers
expect_exit 1
expect_says out 'base/a.c:1: base may not include trainer/b.h'

begin an_include_of_another_room_of_the_shards_is_named
new_project .ci/layers
mkdir -p project/shards/inputs
echo '#include "shards/building/b.h"' >project/shards/inputs/a.c
run project/.ci/layers
expect_exit 1
expect_says out 'shards/inputs/a.c:1: shards/inputs may not include shards/building/b.h'

begin a_library_outside_its_room_is_named
echo '#include <mpi.h>' >project/base/a.c
run project/.ci/layers
expect_exit 1
expect_says out 'base/a.c:1: <mpi.h> belongs to comm'

begin breaches_of_the_house_rules_are_named
new_project .ci/lint
printf '#include <assert.h>\n#if 0\nint a; \n#endif\n' >project/base/a.c
mkdir -p project/shards && : >project/shards/a.c
run project/.ci/lint
expect_exit 1
expect_says out 'base/a.c:1:#include <assert.h>'
expect_says out 'base/a.c:2:#if 0'
expect_says out 'base/a.c:3:int a; '
expect_says out 'a.c   <- file name is used twice'

begin the_pages_of_the_commands_are_printed_from_the_option_tables
eon help --pages=pages
expect_success
run diff -r pages "$source_root/docs/commands"
[ "$exit_status" = 0 ] || not_ok "run 'make docs': $(head -n 4 out | tr '\n' '|')"

# A machine that has bash and little else.
bare_path() {
    rm -rf bare && mkdir bare
    local name
    for name in bash env sed id cat; do
        ln -s "$(command -v "$name")" "bare/$name"
    done
}

begin what_is_missing_is_named_for_dnf_and_spack
bare_path
run env PATH="$here/bare" bash "$source_root/.ci/dependencies" install build run
expect_exit 1
expect_says err 'missing on this machine: libc, pkg-config, mpicc, OpenBLAS, HDF5, zlib, libdeflate, ISA-L, PCRE2'
expect_says err 'dnf install glibc-devel pkgconf-pkg-config openmpi-devel openblas-devel'
expect_says err 'spack install pkgconf openmpi openblas'

begin nothing_is_installed_where_that_is_forbidden
bare_path
printf '#!/bin/sh\necho called >&2\nexit 9\n' >bare/apt-get && chmod +x bare/apt-get
run env PATH="$here/bare" EON_NO_INSTALL=1 bash "$source_root/.ci/dependencies" install build
expect_exit 1
expect_says err 'apt-get install libc6-dev pkg-config libopenmpi-dev'
expect test "$(grep -c called err)" = 0
