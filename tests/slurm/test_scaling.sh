#!/usr/bin/env bash
# A study over 1, 2 and 4 nodes becomes job arrays, a table and a plot by one command.
. "${0%/*}/training.sh"

begin a_corpus_is_built_from_the_sources
expect make_corpus "$PWD/corpus"

begin one_command_gives_the_table_and_the_plot_of_a_study
# shellcheck disable=SC2086  # the model is several words
eon slurm scaling $model --corpus=corpus --study=study --nodes=1,2,4 --ranks_per_node=1 \
    --point_steps=15 --time=10
expect_success
until_true test -s study/scaling.svg
expect_equal "$(grep -c 'points of' out)" 3

begin each_point_has_its_row
eon scaling study --json --plot=
expect_success
for point in n1-r1 n2-r1 n4-r1 n2-r1-weak n4-r1-weak; do
    expect_says out "\"name\":\"$point\""
done
for measure in tokens_per_second mfu exposed_communication imbalance; do
    expect_says out "\"$measure\":"
done

begin strong_scaling_has_the_same_loss_at_all_points
expect grep -q 'the same loss, bit for bit, at all points' study/scaling.txt
expect grep -q ' 4 ' study/scaling.txt

begin checkpoints_of_points_are_not_kept
expect_equal "$(find study -name 'step-*')" ""

begin a_list_that_is_none_is_refused
# shellcheck disable=SC2086  # the model is several words
eon slurm scaling $model --corpus=corpus --study=none --nodes=1,,2 --time=10
expect_refused "--nodes=1,,2"
expect_absent none
