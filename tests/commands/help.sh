#!/usr/bin/env bash
# What eon says of itself.
. "${0%/*}/lib.sh"

begin eon_alone_lists_its_commands_and_is_wrong_use
eon
expect_exit 2
expect_silent out
expect_says err 'mpirun -n RANKS eon train CONFIG.ini'

begin help_lists_the_commands_and_the_exit_statuses
eon help
expect_success
expect_says out 'shards build'
expect_says out '75 stopped early'

begin an_unknown_command_is_answered_with_the_nearest
eon trian
expect_refused "did you mean 'eon train'?"
eon shards biuld
expect_refused "did you mean 'eon shards build'?"

begin every_command_has_help_with_all_its_options
eon help train
expect_success
for option in run seed steps threads kernels precision corpus seq_len leaves leaf_sequences \
    micro_batch family layers width heads kv_heads ffn_width optimizer lr lr_min schedule \
    warmup_steps weight_decay beta1 beta2 clip_norm z_loss save_every keep_last resume log_every \
    validate_every; do
    expect_says out "--$option="
done
cp out by_help
eon train --help
expect_same_file out by_help

begin a_word_alone_tells_of_all_its_commands
eon help checkpoint
expect_says out 'eon checkpoint list'
expect_says out 'eon checkpoint digest'

begin the_pages_in_docs_are_those_of_this_program
eon help --pages=pages
expect_success
for page in pages/*.md; do
    expect_same_file "$page" "${0%/*}/../../docs/commands/${page##*/}"
done
expect_equal "$(ls pages)" "$(ls "${0%/*}/../../docs/commands")"

begin a_full_disk_under_the_output_is_an_error
run bash -c "'$EON' help train >/dev/full"
[ "$exit_status" != 0 ] || not_ok 'the output was lost in silence'
