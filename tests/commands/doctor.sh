#!/usr/bin/env bash
# eon doctor tells what a machine can do, and judges it.
. "${0%/*}/lib.sh"

begin every_part_is_looked_at
eon doctor
for part in MPI HDF5 'HDF5 filters' ISA-L libdeflate PCRE2 CPU cores instructions 'kernel sets' 'kernel ceiling' 'BLAS speed' \
    memory /dev/shm 'open files' stack 'locked memory' sums; do
    expect grep -qE "^  (ok|warn|bad) +$part " out
done

begin the_exit_status_is_1_only_where_something_is_bad
bad=$(grep -c '^  bad ' out)
expect_exit $((bad > 0))

begin what_is_not_ok_has_a_remedy
expect awk '/^  (warn|bad) / { getline remedy; if (remedy !~ /^ {20}/) exit 1 }' out

begin blas_kernels_of_an_old_cpu_are_not_passed_over
run env OPENBLAS_CORETYPE=Prescott "$EON" doctor
grep -q 'instructions .*avx2 fma' out && grep -q 'BLAS speed .*Prescott' out ||
    skip 'no AVX2 here, or no choice of kernels in OpenBLAS'
expect grep -qE '^  warn +BLAS speed' out
expect_says out 'OPENBLAS_CORETYPE'

begin json_tells_the_same
eon doctor
lines=$(grep -cE '^  (ok|warn|bad) ' out)
eon doctor --json
expect_equal "$(grep -c '"what"' out)" "$lines"
expect grep -qE '"verdict": "(ok|warn|bad)"' out

begin a_low_limit_is_a_warning_with_its_remedy
run bash -c "ulimit -n 256 && exec '$EON' doctor"
expect grep -qE '^  warn +open files +256' out
expect_says out 'ulimit -n 4096'

begin ranks_of_one_host_speak_once
eon_on 3 doctor
expect_equal "$(grep -c '^host ' out)" 1
expect grep -qE 'ranks +3, of which 3 on this host' out

begin sums_over_the_ranks_are_tested
expect grep -qE '^  ok +sums +right over 3 ranks' out

begin an_unknown_option_is_refused
eon doctor --jsom
expect_refused "json"
