#!/usr/bin/env bash
# The disk that tests of checkpoints use is itself tried: what it refuses, keeps and loses.
. "${0%/*}/lib.sh"
. "${0%/*}/../faults/faulty_disk.sh"

program=${EON%/*}/tests/commands/disk_steps # made beside eon

# A folder of a file, and of a folder with one.
new_disk() {
    cd "$top" && rm -rf disk disk.graveyard && mkdir -p disk/full && printf 123456789 >disk/a &&
        printf xyz >disk/full/b && cd disk || exit
}

# The state of the disk, in one line: names, and what files hold.
state() {
    find . -mindepth 1 | LC_ALL=C sort | while read -r name; do
        if [ -d "$name" ]; then echo "${name#./}/"; else echo "${name#./}=$(tr '\0' . <"$name")"; fi
    done | tr '\n' ' '
}

# Without words of bash about the kill.
steps() { # SHIM_OPTIONS STEP...
    { run env "LD_PRELOAD=$shim" "DISK_SHIM=folder=$top/disk $1" "$program" "${@:2}"; } 2>/dev/null
    rm -f out.kept err
    mv out "$top/out"
}

untouched='a=123456789 full/ full/b=xyz '

expect_after_power_failure() { # STATE STEP...
    local expected=$1
    new_disk
    steps 'lose=all kind=rmdir at=1 do=kill_before' "${@:2}" rmdir:nothing
    expect_equal "$exit_status" 137
    expect_equal "$(state)" "$expected"
    expect_equal "$(cat "$top/out")" ''
}

begin the_shim_stands_before_a_program
needs_shim || exit 0
new_disk
steps "trace=$top/trace" write:a:0:new
expect_equal "$(tr '\n' ' ' <"$top/trace.0")" 'write /a close /a '
expect_equal "$(state)" 'a=new456789 full/ full/b=xyz '

begin bytes_that_are_not_synced_are_lost
expect_after_power_failure "$untouched" write:a:0:new
expect_after_power_failure "$untouched" vectors:a:7:longer append:a:more write:a:0:new
expect_after_power_failure "$untouched" write:full/b:9000:far
expect_after_power_failure "$untouched" cut:a:3 append:a:more
expect_after_power_failure "$untouched" allocate:a:5000 write:a:4000:far
expect_after_power_failure "$untouched" create:a append:a:anew

begin bytes_that_are_synced_stay
expect_after_power_failure 'a=new456789 full/ full/b=xyz ' write:a:0:new sync:a
expect_after_power_failure 'a=12 full/ full/b=xyz ' cut:a:2 data:a write:full/b:0:new
expect_after_power_failure 'a=123456789more full/ full/b=xyz ' vectors:a:9:more sync:a append:a:most
expect_after_power_failure 'a=123456789... full/ full/b=xyz ' allocate:a:12 sync:a write:a:3:new

begin names_that_are_not_synced_are_lost
expect_after_power_failure "$untouched" create:c append:c:text sync:c
expect_after_power_failure "$untouched" mkdir:d create:d/c append:d/c:text sync:d/c sync:d
expect_after_power_failure "$untouched" rename:a:c rename:c:d
expect_after_power_failure "$untouched" rename:a:full/b
expect_after_power_failure "$untouched" rename:full:empty create:empty/c
expect_after_power_failure "$untouched" unlink:a create:a append:a:anew sync:a

begin names_that_are_synced_stay
expect_after_power_failure 'a=123456789 c= full/ full/b=xyz ' create:c append:c:text sync:.
expect_after_power_failure 'a=123456789 d/ d/c=text full/ full/b=xyz ' mkdir:d create:d/c \
    append:d/c:text sync:d/c sync:d sync:.
expect_after_power_failure 'full/ full/b=123456789 ' rename:a:full/b sync:full
expect_after_power_failure 'full/ full/b=xyz ' unlink:a sync:.

begin a_folder_that_was_emptied_comes_back
new_disk
steps 'lose=all kind=rmdir at=2 do=kill_before' unlink:full/b rmdir:full rmdir:nothing
expect_equal "$(state)" "$untouched"
new_disk
steps 'lose=all kind=rmdir at=2 do=kill_before' unlink:full/b rmdir:full sync:. rmdir:nothing
expect_equal "$(state)" 'a=123456789 '

begin a_kill_without_a_loss_keeps_all
new_disk
steps 'kind=write at=2 do=kill_after' write:a:0:new create:c append:c:text append:c:more
expect_equal "$exit_status" 137
expect_equal "$(state)" 'a=new456789 c=text full/ full/b=xyz '

begin a_part_may_be_lost_the_newest_names_first
found=''
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
    new_disk
    steps "lose=some seed=$seed kind=rmdir at=1 do=kill_before" create:c create:d write:a:0:new rmdir:no
    found+=$(state | tr ' ' ,)' '
done
for part in 'a=123456789,c=,full' 'a=123456789,full' 'a=new456789,' 'c=,d=,'; do
    [ "${found/$part/}" != "$found" ] || not_ok "never '$part': $found"
done
expect_equal "${found/9,d=/}" "$found" # d without c, which is older

begin calls_are_refused
new_disk
steps 'kind=write at=2 do=fail error=EDQUOT' write:a:0:A write:a:1:B write:a:2:C
expect_equal "$(cat "$top/out")" 'write: Disk quota exceeded'
expect_equal "$(state)" 'a=A2C456789 full/ full/b=xyz '
steps 'kind=sync from=2 do=fail error=EIO' sync:a sync:a data:a
expect_equal "$(grep -c 'Input/output error' "$top/out")" 2
for step in create:c mkdir:d rename:a:c unlink:a cut:a:0 allocate:a:99; do
    steps 'at=1 do=fail error=ENOSPC' $step
    expect_equal "$(cat "$top/out")" "${step%%:*}: No space left on device"
done
steps 'at=1 kind=close do=fail error=EIO' create:full/b
expect_equal "$(cat "$top/out")" 'create: Input/output error'
expect_equal "$(state)" 'a=A2C456789 full/ full/b= '

begin a_write_is_cut_short
new_disk
steps 'kind=write at=1 do=short' vectors:a:0:abcdef
expect_equal "$(cat "$top/out")" 'vectors: took 3 of 6 bytes'
expect_equal "$(state)" 'a=abc456789 full/ full/b=xyz '

begin a_disk_fills_up_and_has_room_again
new_disk
steps 'budget=4096' create:c append:c:text create:d append:d:more unlink:c append:d:text allocate:d:9000
expect_equal "$(tr '\n' ' ' <"$top/out")" 'append: No space left on device allocate: No space left on device '

begin other_ranks_and_folders_are_spared
new_disk
steps 'rank=1 at=1 do=kill_before' write:a:0:new
expect_equal "$exit_status" 0
steps 'at=1 do=kill_before' create:../beside unlink:../beside
expect_equal "$exit_status" 0

begin mates_end_at_the_same_moment
new_disk
rm -f "$top/mates"
PMI_RANK=0 LD_PRELOAD=$shim DISK_SHIM="folder=$top/disk rank=1 lose=all mates=$top/mates" \
    "$program" write:a:0:new create:c wait:30000 2>/dev/null &
mate=$!
for ((i = 0; i < 200; i++)); do
    [ ! -e c ] || break
    sleep 0.05
done
export PMI_RANK=1
steps "rank=1 lose=all kind=rmdir at=1 do=kill_before mates=$top/mates" write:full/b:0:new rmdir:nothing
expect_equal "$exit_status" 137
wait $mate 2>/dev/null
expect_equal $? 137
expect_equal "$(state)" "$untouched"
