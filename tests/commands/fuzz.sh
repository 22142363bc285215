#!/usr/bin/env bash
# Half a minute of fuzzing for every parser; `make fuzz` does more. The programs are built where
# clang is there.
set -u
cd "$(dirname "$0")/../.." || exit 1

targets=()
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    [ "$name" = fuzz_target ] || targets+=("$name")
done
if [ ! -x "$BUILD/fuzz/${targets[0]}" ]; then
    echo 'skip fuzzing - no clang'
    exit
fi
tests/fuzz/run "${EON_FUZZ_SECONDS:-30}" "${targets[@]}"
