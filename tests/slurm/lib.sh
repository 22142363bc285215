# Helpers for tests on a Slurm cluster, beside those of tests/commands/lib.sh.
#
#   . "${0%/*}/lib.sh"
#
#   begin a_job_runs_to_its_end
#   submit --nodes=2 --wrap 'srun true'
#   until_job COMPLETED
#
# Sourced where there is no cluster, it runs the script once more on the head of one of four nodes,
# or says that it is skipped, and why. `submit` sets $job, of which the others speak.
# shellcheck shell=bash

slurm_folder=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

if [ -z "${EON_SLURM-}" ]; then
    trap : TERM # who ends this script ends the cluster, too, and that takes a moment
    status=0
    "$slurm_folder/cluster" -- bash "$0" 2>cluster.err || status=$?
    cat cluster.err >&2
    [ $status = 77 ] || exit $status
    script=${0##*/}
    echo "skip ${script%.sh} - $(sed -n 's/.*skipped: //p' cluster.err)"
    exit
fi

. "$slurm_folder/../commands/lib.sh"

submit() { # OPTION... [SCRIPT ARGUMENT...], as sbatch takes them
    still_good || return 0
    job=$(sbatch --parsable "$@" 2>err) || not_ok "sbatch: $(tail -n 1 err)"
}

# Slurm forgets no job as long as a test takes.
job_field() { # NAME, as scontrol calls it
    scontrol show job "$job" --oneliner | tr ' ' '\n' | sed -n "s/^$1=//p"
}

job_is() { [[ $(job_field JobState) =~ ^($1)$ ]]; } # STATE[|STATE...]

until_holds() { # SECONDS COMMAND...: the case fails where it does not succeed in time
    local deadline=$((SECONDS + $1))
    while still_good && ! "${@:2}"; do
        [ $SECONDS -lt $deadline ] || not_ok "not within $1 s: ${*:2}"
        sleep 0.05
    done
}

until_job() { # STATE[|STATE...] [SECONDS]
    still_good || return 0
    until_holds "${2:-30}" job_is "$1"
    still_good || scontrol show job "$job" >&2
}

until_restarted() { # TIMES [SECONDS]: Slurm requeued the job, and it runs or has run again
    still_good || return 0
    until_holds "${2:-40}" job_has_restarted "$1"
    still_good || scontrol show job "$job" >&2
}

# Not while it is COMPLETING: the restart is counted, and the nodes are still those of before.
job_has_restarted() { # TIMES
    [ "$(job_field Restarts)" = "$1" ] && job_is 'RUNNING|COMPLETED'
}
