#!/usr/bin/env bash
# A training that is killed at any moment, again and again, by a signal or by a power failure that
# keeps a part of what was not synced, at 1 and at 2 ranks in turn: it ends with the oracle's digest.
# EON_SOAK=1 kills it 1,000 times; EON_SEED=N repeats a trial.
. "${0%/*}/lib.sh"
. "${0%/*}/corpus_of_sources.sh"
. "${0%/*}/../faults/faulty_disk.sh"

kills=${EON_SOAK:+1000}
kills=${kills:-8}
seed=${EON_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
steps=40
# shellcheck disable=SC2034  # of train_small
width_for=([1]=64 [2]=64)

# By SIGKILL to one rank; the moments reach from before the start to some saves.
end_by_signal() { # RANKS
    local job victim moment=$((RANDOM * longest_ms / 32768))
    train_small "$1" '' --steps=$steps &
    job=$!
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    victim=$(processes_below $$ eon | tail -n 1)
    [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
    wait $job 2>/dev/null
}

# At any of the first calls, of which a save has a hundred.
end_by_power_failure() { # RANKS
    rm -f mates
    train_small "$1" "rank=$((RANDOM % $1)) at=$((RANDOM % 600 + 1)) do=kill_before lose=some
        seed=$RANDOM mates=mates" --steps=$steps
}

# Nothing that was there before the kill is gone, and nothing that was promised since.
check_after_kill() {
    local saved=$promised
    whole_checkpoints_are_there >why
    [ ! -s why ] || not_ok "seed $seed, kill $i: $(tr '\n' '|' <why)"
    promised=$(last_saved)
    promised=${promised:-$saved}
    newest=$(sed -n 's/^valid .*(step \([0-9]*\),.*/\1/p' verified 2>/dev/null | head -n 1)
    expect test "${newest:-0}" -ge "$promised"
}

begin_anew() {
    expect_equal "$(digest_of here/run)" "$whole"
    ended=$((ended + 1)) promised=0
    rm -rf here verified
}

begin a_training_killed_at_any_moment_ends_like_the_oracle
make_oracle
begun=$(date +%s%N)
still_good && train_small 1 '' --steps=$steps
longest_ms=$((($(date +%s%N) - begun) / 1000000))
whole=$(digest_of here/run)
rm -rf here
ended=0 promised=0
for ((i = 0; i < kills; i++)); do
    still_good || break
    ranks=$((RANDOM % 4 ? 1 : 2))
    if { if ((RANDOM % 2)); then end_by_signal $ranks; else end_by_power_failure $ranks; fi; } 2>/dev/null; then
        begin_anew
    else
        check_after_kill
    fi
done
if still_good; then
    train_small 1 '' --steps=$steps || not_ok "seed $seed: $(tail -n 1 log)"
    begin_anew
    echo "# seed $seed: $kills kills, $ended trainings"
fi
