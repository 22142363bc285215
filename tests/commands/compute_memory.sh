#!/usr/bin/env bash
# eon compute --memory: what it foretells is what a run then takes.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

# 10 million parameters, some 200 MB: the process itself is a small part of it. How much of a save
# waits in memory depends on the disk, unless it is bound.
model='--layers=6 --width=384 --heads=6 --seq_len=192 --leaves=2 --leaf_sequences=2 --threads=2
       --warmup_steps=0 --steps=2 --save_every=1 --validate_sequences=4 --corpus=corpus
       --save_memory_bytes=16777216'

# The most that a rank of a run holds: read until the run ends. Pages that ranks share count as each
# one's share of them.
peak_of_run() { # RANKS OPTION...
    local job pid peak=0 now
    # shellcheck disable=SC2086
    mpirun -n "$1" "$EON" train $model --run=run "${@:2}" >out 2>err &
    job=$!
    while kill -0 $job 2>/dev/null; do
        for pid in $(processes_below $job eon); do
            now=$(cat "/proc/$pid/status" "/proc/$pid/smaps_rollup" 2>/dev/null |
                awk '$1 == "VmRSS:" || $1 == "Pss_Shmem:" { sum += $2 }
                     $1 == "RssShmem:" { sum -= $2 } END { print sum + 0 }')
            [ "${now:-0}" -le "$peak" ] || peak=$now
        done
        sleep 0.1
    done
    wait $job
    echo $((peak * 1024))
}

foretold() { # RANKS OPTION...
    # shellcheck disable=SC2086
    "$EON" compute --memory $model --ranks="$1" --json "${@:2}" |
        sed -n 's/.*"total_bytes": *\([0-9]*\).*/\1/p'
}

expect_foretold() { # RANKS OPTION...
    local said took
    rm -rf run
    said=$(foretold "$@")
    took=$(peak_of_run "$@")
    awk -v said="${said:-0}" -v took="$took" \
        'BEGIN { exit !(took > 1e8 && said > 0.95 * took && said < 1.05 * took) }' ||
        not_ok "foretold ${said:-nothing}, took $took"
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

begin in_fp32_it_is_within_five_percent
expect_foretold 1

begin in_bf16_it_is_within_five_percent
expect_foretold 1 --precision=bf16

begin with_recomputation_it_is_within_five_percent
expect_foretold 1 --recompute=block

begin with_muon_it_is_within_five_percent
expect_foretold 1 --optimizer=muon

begin on_two_ranks_it_is_within_five_percent
expect_foretold 2 --threads=1

begin groups_are_within_five_percent_on_one_rank_and_on_two
expect_foretold 1 --groups=2
expect_foretold 2 --groups=2 --threads=1

parameter_bytes() { # OPTION...: a rank's share; the first "parameters" counts elements
    # shellcheck disable=SC2086
    "$EON" compute --memory $model --ranks=4 --threads=1 --json "$@" |
        sed -n 's/.*"parameters": *\([0-9]*\).*/\1/p' | tail -1
}

begin ranks_of_a_node_share_its_parameters
together=$(parameter_bytes) pairs=$(parameter_bytes --ranks_per_node=2)
apart=$(parameter_bytes --ranks_per_node=1)
[ "${apart:-0}" -gt 40000000 ] && [ $((apart / 8192)) -eq $((pairs * 2 / 8192)) ] &&
    [ $((apart / 16384)) -eq $((together * 4 / 16384)) ] ||
    not_ok "$together of 4, $pairs of 2, $apart alone"

begin with_all_leaves_on_one_rank_and_with_one_it_is_within_five_percent
expect_foretold 1 --leaves=4
expect_foretold 1 --leaves=1

begin a_config_and_options_are_read_as_by_train
printf '[model]\nlayers = 2\nfamily = gpt2\n' >small.ini
eon compute --memory small.ini --vocab_size=1000 --recompute=block
expect_success
expect_says out 'gpt2 of 1901568 parameters'

begin without_a_vocabulary_it_is_refused
eon compute --memory
expect_refused 'give --corpus, or --vocab_size'

begin what_is_no_model_is_refused
eon compute --memory --vocab_size=1000 --heads=7
expect_refused 'width 256 is not a multiple of heads 7'
