#!/usr/bin/env bash
# runs alone: it measures
# eon bench: what it tells of a small model, and wrong use.
. "${0%/*}/lib.sh"

small=(--layers=1 --width=32 --heads=2 --ffn_width=64 --vocab_size=96 --batch=1 --seq_len=16
    --repeats=2)

begin a_step_is_held_against_sgemm_and_the_ceilings
eon bench step "${small[@]}"
expect_success
for line in 'tokens a second' 'peak memory' 'products of cblas_sgemm' 'whole step of cblas_sgemm' \
    'products of the ceiling' 'whole step of the ceiling' 'the same in model operations'; do
    expect grep -qE "^  $line +[0-9.]+" out
done

begin the_profile_of_a_step_names_its_kernels
for kernel in 'forward products' 'weight gradients' 'head products' 'attention backward' \
    'optimizer' 'reduction' 'other'; do
    expect grep -qE "^  $kernel +[0-9.]+ %" out
done

begin bf16_and_ranks_are_measured_too
eon_on 2 bench step "${small[@]}" --precision=bf16 --threads=1 --json
expect_success
expect_says out '"precision":"bf16"'
expect_says out '"ranks":2'
expect_says out '"profile":{"steps":2'

begin an_unknown_precision_is_refused
eon bench step --precision=fp8
expect_refused 'fp8'

begin each_kernel_has_a_line_with_its_share_of_the_ceiling
eon bench kernels "${small[@]}"
expect_success
for kernel in 'qkv forward' 'expand input gradient' 'head weight gradient'; do
    expect grep -qE "^  $kernel .* GFLOP/s +[0-9.]+ % +[0-9.]+ %$" out
done
for kernel in 'norm forward' 'loss' 'column sums' 'optimizer' 'gradient norm'; do
    expect grep -qE "^  $kernel .* GB/s +[0-9.]+ %$" out
done
eon bench kernels "${small[@]}" --family=llama --precision=bf16 --json
expect_success
expect_says out '"name":"rotation"'

begin saving_and_loading_are_held_against_plain_files
shape=(--layers=2 --width=64 --heads=2 --vocab_size=256 --repeats=2 --threads=1)
eon_on 2 bench checkpoint "${shape[@]}"
expect_success
for line in 'plain file, written and synced' 'eon: state taken, training goes on' 'eon: committed' \
    'plain files, read' 'eon: loaded and checked'; do
    expect grep -qE "^  $line +[0-9.]+ " out
done
eon bench checkpoint "${shape[@]}" --json
expect_success
expect_says out '"commit_to_plain_write":{"median":'
expect_absent eon-bench-checkpoint.*

begin a_folder_that_is_not_there_and_a_python_without_pytorch_are_refused
eon bench checkpoint "${shape[@]}" --folder=/dev/null/none
expect_exit 2
expect_says err '/dev/null'
eon bench checkpoint "${shape[@]}" --python=/bin/false
expect_exit 2
expect_says err "cannot measure PyTorch: '/bin/false'"
expect_absent eon-bench-checkpoint.*

begin kernels_are_measured_without_mpirun
eon_on 2 bench kernels "${small[@]}"
expect_exit 2
expect_says err 'without mpirun'

begin a_corpus_is_read_in_order_and_in_sequence
. "${0%/*}/corpus_of_sources.sh"
expect make_corpus "$PWD/corpus"
eon bench shards corpus --seq_len=32 --tokens=10000 --repeats=2 --data_threads=2 --text=text.txt
expect_success
for line in 'opening' "finding a sample's place" "in the schedule's order, a core" 'in sequence, a core' \
    'the limit: inflate alone, a core' 'encoding, a core'; do
    expect grep -qE "^  $line +[0-9.]+ " out
done
eon bench shards corpus --seq_len=32 --tokens=10000 --repeats=2 --json
expect_success
expect_says out '"scheduled_tokens_per_cpu_second":{"median":'

begin what_cannot_be_read_is_not_measured
eon bench shards /nowhere
expect_refused 'corpus.json'
eon bench shards corpus --seq_len=1000000
expect_refused 'shorter than one sequence'
eon bench shards corpus --text=/nowhere
expect_refused '/nowhere'
