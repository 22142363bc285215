#!/usr/bin/env bash
# runs alone: it measures
# eon bench reduce: what it tells of the sum over ranks, and wrong use.
. "${0%/*}/lib.sh"

quick=(--max_bytes=64k --factor=8 --repeats=2 --threads=1)

begin each_length_is_told_beside_its_peers_and_limits
eon_on 2 bench reduce "${quick[@]}"
expect_success
expect grep -q '^2 ranks of 1 thread on 1 node, 2 rounds; 1 pair, of which 0 between nodes' out
for size in '1 KiB' '8 KiB' '64 KiB'; do
    for what in eon 'eon, reduce-scatter' 'eon, gather' 'exchange of pairs'; do
        expect grep -qE "^ +$size  $what +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+\$" out
    done
    for what in MPI_Allreduce copy; do
        expect grep -qE "^ +$size  $what +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ x\$" out
    done
done
expect_equal "$(grep -c '^ .* KiB ' out)" 18

begin a_world_of_one_has_no_pairs
eon bench reduce "${quick[@]}"
expect_success
expect_says out '0 pairs'
expect_equal "$(grep -c 'exchange of pairs' out)" 0

begin json_holds_the_same
eon_on 3 bench reduce "${quick[@]}" --json
expect_success
expect_one_line out
expect_says out '"ranks":3,"threads":1,"nodes":1,"pairs":1,"pairs_between_nodes":0'
for key in eon eon_reduce_scatter eon_gather mpi_allreduce exchange copy; do
    expect_equal "$(grep -oE "\"$key\":\{\"seconds\":[0-9.e-]+,\"spread\":" out | wc -l)" 3
done
expect_equal "$(grep -o '"eon_to_mpi_allreduce":{"median":' out | wc -l)" 3

# Of 2 ranks an all-reduce sends each byte once: 2 (n - 1) / n = 1. Of 3 it is 4/3.
begin bus_bandwidth_follows_the_number_of_ranks
share=$(grep -oE '"mpi_allreduce":\{[^}]*' out | head -n 1 |
    awk -F '[:,]' '{ printf "%.3f", $9 / $7 }')
expect_equal "$share" 1.333

begin a_wrong_sum_ends_the_run
program=${EON%/*}/tests/commands/sum_faults # made beside eon
run mpirun -n 3 "$program" trial none 0
expect_success
run mpirun -n 3 "$program" trial gather 0
expect_exit 1
expect_says err "eon's sum is wrong on rank 0: element 0 of 1000 is "

begin vectors_that_memory_cannot_hold_are_refused
eon_on 2 bench reduce --min_bytes=512G --max_bytes=512G
expect_exit 1
expect_silent out
expect_equal "$(grep -c '^eon: ' err)" 1
expect_says err 'cannot add vectors of 512 GiB'
expect_says err 'give a smaller --max_bytes'

begin lengths_that_make_no_sense_are_refused
eon bench reduce --min_bytes=1M --max_bytes=1k
expect_refused '--max_bytes=1024 is less than --min_bytes=1048576'
eon bench reduce --min_bytes=3
expect_refused min_bytes
eon bench reduce --factor=1
expect_refused factor
