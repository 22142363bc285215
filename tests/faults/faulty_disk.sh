# Helpers for tests of trainings on a disk that fails or loses power: tests/faults/disk_shim.h.
#
#   make_oracle                 corpus, and the training without a fault at 1 and at 2 ranks
#   point_list RANKS OPTIONS [KIND]
#                               a line for each call of that training that changes its run
#   chosen COUNT                of the lines of its input: all in a soak, or so many, evenly
#   for_each_point CHECK        CHECK is given each line of its input, in a folder of its own;
#                               what it says on its output is why the point failed
# shellcheck shell=bash

shim=${EON%/*}/tests/faults/disk_shim.so
small_model='--layers=1 --heads=1 --seq_len=8 --leaves=2 --leaf_sequences=1
             --warmup_steps=0 --log_every=1 --threads=1 --schedule=constant --validate_sequences=4'
kept_steps='step-00000003 step-00000004'
top=$PWD

# A sanitizer wants to be the first library, and a static program loads none.
needs_shim() {
    if grep -qE '__(asan|tsan|msan)_init' "$EON" || ! ldd "$EON" >/dev/null 2>&1; then
        skip 'no library can be loaded before this program'
    fi
    still_good
}

# Of two ranks both hold moments where there are more than 65,536 parameters.
width_for=([1]=8 [2]=64)

# In the folder `here`, all that is below which the shim watches.
train_small() { # RANKS SHIM_OPTIONS OPTION...
    local job=()
    [ "$1" = 1 ] || job=(mpirun -n "$1")
    [ -z "$2" ] || job+=(env "LD_PRELOAD=$shim" "DISK_SHIM=folder=$PWD/here $2")
    mkdir -p here
    # shellcheck disable=SC2086  # the model is several words
    "${job[@]}" "$EON" train $small_model --width="${width_for[$1]}" --corpus="$top/corpus" \
        --run=here/run --steps=4 --save_every=1 --keep_last=2 "${@:3}" >log 2>&1 </dev/null
}

digest_of() { # RUN
    "$EON" checkpoint digest "$1" 2>&1 | cut -d' ' -f1
}

# Sets oracle[RANKS]. Leaves calls.RANKS.RANK.
make_oracle() {
    local ranks
    needs_shim || return 0
    expect make_corpus "$top/corpus"
    for ranks in 1 2; do
        expect train_small $ranks "trace=$top/calls.$ranks"
        expect test -s calls.$ranks.$((ranks - 1))
        oracle[ranks]=$(digest_of here/run)
        rm -r here
    done
}

# Between calls that are alike, such as the writes of one file, only a soak stops.
point_list() { # RANKS OPTIONS [KIND]
    local rank
    for ((rank = 0; rank < $1; rank++)); do
        awk -v ranks="$1" -v rank="$rank" -v options="$2" -v all="${EON_SOAK-}" \
            -v kind="${3-}" '
            { call[NR] = $0 }
            END {
                for (i = 1; i <= NR; i++)
                    if ((all || call[i] != call[i - 1] || call[i] != call[i + 1]) && call[i] ~ "^" kind)
                        print ranks, "rank=" rank, "at=" i, "seed=" i, options
            }' "$top/calls.$1.$rank"
    done
}

chosen() { # COUNT
    if [ -n "${EON_SOAK-}" ]; then
        cat
    else
        awk -v most="$1" '{ line[NR] = $0 }
            END { for (i = 0; i < most && i < NR; i++) print line[int(i * NR / (most < NR ? most : NR)) + 1] }'
    fi
}

try_point() { # CHECK LINE
    local folder
    folder=$(mktemp -d "$top/point.XXXXXX") && cd "$folder" || return
    # shellcheck disable=SC2086  # a line is several words
    "$1" $2 >why 2>/dev/null # where bash tells of what was killed
    sed "s|^|$2: |" why >>"$top/complaints"
    [ -s why ] && [ -n "${EON_KEEP_POINTS-}" ] || rm -rf "$folder"
}

for_each_point() { # CHECK
    local line started=0
    needs_shim || return 0
    : >complaints
    : >missed
    while read -r line; do
        [ $((started++)) -lt "$(nproc)" ] || wait -n
        try_point "$1" "$line" &
    done
    wait
    [ "$started" -gt 0 ] || not_ok 'there is no point'
    [ ! -s complaints ] || not_ok "$(cut -d: -f1 complaints | sort -u | wc -l) of $started: $(head -n 5 complaints | tr '\n' '|')"
    # Threads that write do not do so in the same order each time.
    [ $((10 * $(grep -c . missed))) -le "$started" ] || not_ok "$(grep -c . missed) of $started were not reached"
    echo "# $case_name: $started points"
}

not_reached() { echo "$PWD" >>"$top/missed"; }

# ---- What must hold at a point ---------------------------------------------------------------

last_saved() { sed -n 's/^step \([0-9]*\) saved.*/\1/p' log | tail -n 1; }

# Every checkpoint that has its name is valid, and the newest is not older than what was promised.
whole_checkpoints_are_there() {
    local saved newest=0
    rm -f verified
    saved=$(last_saved)
    if compgen -G 'here/run/checkpoints/step-*[0-9]' >/dev/null; then
        "$EON" checkpoint verify here/run >verified 2>&1 || cat verified
        newest=$(sed -n 's/^valid .*(step \([0-9]*\),.*/\1/p' verified | head -n 1)
    fi
    [ "${newest:-0}" -ge "${saved:-0}" ] || echo "step $saved was saved, the newest is $newest"
}

# To the end, without a fault.
resume_ends_like_the_oracle() { # RANKS
    local found
    train_small "$1" '' || echo "the resume ended with $?: $(tail -n 1 log)"
    [ "$(digest_of here/run)" = "${oracle[$1]}" ] || echo "the digest is $(digest_of here/run)"
    found=$(cd here/run/checkpoints && echo step-*)
    [ -z "$(last_saved)" ] || [ "$found" = "$kept_steps" ] || echo "left over: $found"
}

killed_at() { # RANKS SHIM_OPTION...
    if train_small "$1" "${*:2}"; then
        not_reached
    fi
    whole_checkpoints_are_there
    resume_ends_like_the_oracle "$1"
}
