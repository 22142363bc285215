#!/usr/bin/env bash
# A scaling study, from trainings on one and two ranks to its table and its plot.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"

model='--layers=2 --width=32 --heads=4 --kv_heads=2 --seq_len=32 --leaf_sequences=2 --micro_batch=1
       --warmup_steps=2 --log_every=4 --steps=10'

train() { # RANKS RUN OPTION...
    # shellcheck disable=SC2086  # the model is several words
    eon_on "$1" train $model --threads=1 --corpus=corpus --run="$2" "${@:3}"
}

digest() { # RUN
    "$EON" checkpoint digest "$1" | cut -d' ' -f1
}

of() { # MEMBER FILE: its value
    sed -n "s/^ *\"$1\": \"*\([^\",]*\)\"*,*\$/\1/p" "$2"
}

is_share() { # NUMBER
    awk -v x="$1" 'BEGIN { exit !(x ~ /^[0-9.e-]+$/ && x >= 0 && x <= 1) }'
}

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

begin a_training_tells_what_it_ran_on_and_how_fast
train 1 study/one --leaves=4
expect_success
train 2 study/two --leaves=4
expect_success
train 2 study/twice --leaves=8
expect_success
speed=study/two/speed.json
expect_equal "$(of ranks $speed) $(of nodes $speed) $(of cores $speed)" '2 1 2'
expect_equal "$(of tokens_per_step $speed) $(of leaves $speed)" '256 4'
expect_equal "$(of warm_up_steps $speed) $(of first_step $speed) $(of steps $speed)" '3 4 7'
for member in exposed_communication rank_wait data_wait save_wait mfu; do
    expect is_share "$(of $member $speed)"
done
expect test "$(of peak_memory_rank_bytes $speed)" -gt 1000000
expect_equal "$(of exposed_communication study/one/speed.json)" 0.0
expect_absent study/two/speed.json.new

begin ranks_that_communicate_are_seen_to_do_so
expect awk -v x="$(of exposed_communication $speed)" 'BEGIN { exit !(x > 0) }'

begin speeds_are_of_the_present_start_alone
train 2 resumed --leaves=4 --stop_after=6
expect_exit 75
expect_equal "$(of first_step resumed/speed.json) $(of steps resumed/speed.json)" '4 3'
train 1 resumed --leaves=4
expect_success
expect_equal "$(of ranks resumed/speed.json) $(of first_step resumed/speed.json)" '1 10'
expect_equal "$(digest resumed)" "$(digest study/two)"

begin a_start_that_is_all_warm_up_tells_nothing
train 2 short --leaves=4 --stop_after=3
expect_exit 75
expect_absent short/speed.json

begin groups_and_ranks_that_share_no_memory_tell_their_nodes_and_keep_their_bits
train 3 apart --leaves=4 --groups=2 --local_steps=3 --share_memory=false
expect_success
expect_equal "$(of nodes apart/speed.json) $(of ranks apart/speed.json)" '1 3'
train 1 together --leaves=4 --groups=2 --local_steps=3
expect_success
expect_equal "$(digest apart)" "$(digest together)"

begin a_speed_that_cannot_be_written_is_a_warning
mkdir -p blocked/speed.json.new
train 2 blocked --leaves=4
expect_success
expect_says err "cannot create 'blocked/speed.json.new'"
expect_equal "$(digest blocked)" "$(digest study/two)"

begin a_study_has_a_table_and_a_plot
eon scaling study
expect_success
expect_says out 'strong scaling: 256 tokens a step, 1 thread a rank'
expect_says out 'the same loss, bit for bit, at all points'
expect_says out 'weak scaling: 256 tokens a step for each rank, 1 thread a rank'
expect_equal "$(grep -cE '^  (one|two|twice) ' out)" 4
expect_equal "$(grep -cE '^  one .* 1\.00 +100\.0 %' out)" 2
expect grep -q '^<svg ' study/scaling.svg
expect_says study/scaling.svg 'Scaling: study'

begin json_has_a_line_for_each_point_of_each_series
eon scaling study --json --plot=
expect_success
expect_equal "$(wc -l <out)" 4
expect_equal "$(grep -c '"kind":"strong".*"same_loss":true' out)" 2
expect_equal "$(grep -c '"kind":"weak".*"same_loss":null' out)" 2
expect_equal "$(grep -c '"name":"one".*"speedup":1.0,"efficiency":1.0,.*"tokens_per_second":' out)" 2

begin the_plot_goes_where_it_is_asked_to_or_nowhere
rm -f study/scaling.svg
eon scaling study/ --plot=here.svg
expect_success
expect_says here.svg 'Scaling: study<'
eon scaling study --plot=
expect_success
expect_absent study/scaling.svg
eon scaling study --plot=nowhere/here.svg
expect_exit 1
expect_says err "cannot create 'nowhere/here.svg"

begin other_losses_are_told
train 2 study/other --leaves=4 --seed=2
expect_success
eon scaling study --plot=
expect_success
expect_says err "not the same loss at all points of 'strong scaling: 256 tokens a step"
expect_says err "at 'other'"
eon scaling study --plot= --json
expect_equal "$(grep -c '"kind":"strong".*"same_loss":false' out)" 3

begin points_that_are_damaged_or_missing_are_named_and_left_out
mkdir study/empty
echo '{"format_version": 1, "nodes": -1}' >study/other/speed.json
eon scaling study --plot=
expect_success
expect_says err "'study/empty/speed.json': No such file"
expect_says err "'study/other/speed.json': 'nodes' is -1"
expect_equal "$(grep -cE '^  (one|two|twice) ' out)" 4
expect_says out 'the same loss, bit for bit, at all points'

begin a_point_without_metrics_is_not_compared
mv study/two/metrics.jsonl .
eon scaling study --plot=
expect_success
expect_says err "are not compared: cannot open 'study/two/metrics.jsonl'"

begin a_study_without_a_valid_point_is_refused
mkdir nothing
eon scaling nothing
expect_refused "cannot read study 'nothing': no folder in it has a valid speed.json"
eon scaling missing
expect_refused "'missing'"
eon scaling
expect_exit 2
