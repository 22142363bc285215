#include "trainer/jobs/job_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/jobs/job_script.h"
#include "trainer/jobs/node_exclusion.h"

/* ---- taking it up ---- */

static enum status choose_way(const struct slurm_job *job, enum job_chain_way *way)
{
    static const char *const names[] = { "requeue", "dependent", "none" };
    const char *wanted = getenv("EON_CHAIN");
    *way = job->may_be_requeued ? CHAIN_REQUEUE : CHAIN_DEPENDENT;
    if (!wanted || *wanted == '\0')
        return STATUS_OK;
    for (int i = 0; i < 3; i++)
        if (strcmp(wanted, names[i]) == 0) {
            *way = (enum job_chain_way)i;
            return STATUS_OK;
        }
    return bad_input("EON_CHAIN is '%s': requeue, dependent or none", wanted);
}

static const struct job_attempt *last_attempt(const struct job_journal *journal, const char *job)
{
    for (int64_t i = journal->count - 1; i >= 0; i--)
        if (strcmp(journal->attempts[i].job, job) == 0)
            return &journal->attempts[i];
    return NULL;
}

/* The job before this one may have ended the chain, or have been cancelled before it could. */
static enum status ask_previous(const struct job_chain *chain, const char *previous, bool *goes_on,
                                char why[JOB_REASON_BYTES])
{
    const struct job_attempt *last = last_attempt(&chain->journal, previous);
    if (last && last->has_ended) {
        *goes_on = strncmp(last->next, "job ", 4) == 0;
        snprintf(why, JOB_REASON_BYTES, "job %s has ended the chain: %.400s", previous,
                 last->reason);
        return STATUS_OK;
    }
    struct slurm_job job;
    bool found;
    TRY(slurm_job_read(previous, &job, &found));
    *goes_on = !found || strncmp(job.state, "CANCELLED", 9) != 0;
    snprintf(why, JOB_REASON_BYTES, "job %s was cancelled", previous);
    slurm_job_release(&job);
    return STATUS_OK;
}

static void ask_progress(const struct job_chain *chain, bool *goes_on, char why[JOB_REASON_BYTES])
{
    const struct job_attempt *attempt = &chain->attempt;
    *goes_on = job_journal_fruitless_starts(&chain->journal, attempt->chain, attempt->begun_at) <=
               FRUITLESS_RESTARTS;
    snprintf(why, JOB_REASON_BYTES, "%d restarts have brought no progress", FRUITLESS_RESTARTS);
}

static enum status open_journal(struct job_chain *chain, bool *goes_on, char why[JOB_REASON_BYTES])
{
    const char *first = getenv("EON_CHAIN_FIRST"), *previous = getenv("EON_CHAIN_PREVIOUS");
    struct job_attempt *attempt = &chain->attempt;
    TRY(job_journal_read(chain->work.journal_path, &chain->journal));
    snprintf(attempt->chain, sizeof attempt->chain, "%s", first && *first ? first : attempt->job);
    attempt->begun_at = job_work_progress(&chain->work);
    if (previous && *previous && attempt->restart == 0)
        TRY(ask_previous(chain, previous, goes_on, why));
    if (*goes_on)
        ask_progress(chain, goes_on, why);
    return STATUS_OK;
}

/* A task of an array goes by the array's number and its own: "17_3". The array's number alone would
 * mean all of them, and one of them has it for its SLURM_JOB_ID. */
static void set_job_number(char job[SLURM_WORD_BYTES])
{
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
    const char *alone = getenv("SLURM_JOB_ID");
    if (array && *array && task && *task)
        snprintf(job, SLURM_WORD_BYTES, "%.30s_%.30s", array, task);
    else
        snprintf(job, SLURM_WORD_BYTES, "%s", alone ? alone : "");
}

enum status job_chain_open(struct job_chain *chain, const struct job_work *work, bool *goes_on,
                           char why[JOB_REASON_BYTES])
{
    bool found = false;
    *chain = (struct job_chain){ .work = *work, .way = CHAIN_NONE };
    *goes_on = true;
    set_job_number(chain->attempt.job);
    TRY(slurm_job_read(chain->attempt.job, &chain->job, &found));
    if (!found)
        log_warning("Slurm does not tell about job %s: its time limit is not watched, and it is "
                    "not started again",
                    chain->attempt.job);
    else if (work->journal_path)
        TRY(choose_way(&chain->job, &chain->way));
    chain->attempt.restart = chain->job.restarts;
    return work->journal_path ? open_journal(chain, goes_on, why) : STATUS_OK;
}

void job_chain_close(struct job_chain *chain)
{
    job_work_release(&chain->work);
    job_journal_release(&chain->journal);
    slurm_job_release(&chain->job);
}

enum status job_chain_prepare(struct job_chain *chain)
{
    struct job_attempt *attempt = &chain->attempt;
    if (chain->way == CHAIN_DEPENDENT) {
        TRY(job_script_submit_successor(attempt->job, attempt->chain, attempt->successor));
        if (attempt->successor[0] == '\0')
            log_warning("slurm: job %s may not be requeued, and 'eon slurm submit' did not submit "
                        "it: it is not started again",
                        attempt->job);
    }
    return chain->work.journal_path ? job_journal_begin(&chain->journal, attempt) : STATUS_OK;
}

/* ---- its end ---- */

static bool is_over(const struct slurm_job *now)
{
    return strcmp(now->reason, "TimeLimit") == 0;
}

void job_chain_ending(void *chain_)
{
    struct job_chain *chain = chain_;
    struct slurm_job now;
    bool found;
    if (chain->way != CHAIN_REQUEUE ||
        slurm_job_read(chain->attempt.job, &now, &found) != STATUS_OK || !found)
        return;
    if (is_over(&now) &&
        job_journal_fruitless_starts(&chain->journal, chain->attempt.chain,
                                     job_work_progress(&chain->work)) <= FRUITLESS_RESTARTS)
        chain->is_requeued = slurm_requeue(chain->attempt.job) == STATUS_OK;
    slurm_job_release(&now);
}

/* What the end of a job means for the chain. */
struct verdict {
    bool goes_on, is_requeued; /* requeued: already */
    int exit_status;
};

static void says(struct job_attempt *attempt, const char *reason)
{
    snprintf(attempt->reason, sizeof attempt->reason, "%s", reason);
}

/* Why a job ends that Slurm has told to end. Of one that may not be requeued Slurm does not tell
 * whether it was cancelled or has lost a node, while it ends. */
static void judge_ended(struct job_chain *chain, const struct node_faults *faults,
                        const struct slurm_job *now, struct verdict *out)
{
    struct job_attempt *attempt = &chain->attempt;
    const bool was_over = chain->is_requeued || is_over(now);
    out->is_requeued = chain->is_requeued || now->restarts > attempt->restart;
    out->goes_on = was_over || out->is_requeued || now->is_preempted ||
                   (chain->way == CHAIN_DEPENDENT && node_faults_failed(faults) >= 0);
    if (was_over)
        says(attempt, "the time limit was reached");
    else if (now->is_preempted)
        says(attempt, "preempted");
    else if (!out->goes_on)
        says(attempt, "cancelled");
    else if (attempt->reason[0] == '\0')
        says(attempt, "put back into the queue: preempted, or a node failed");
}

/* Of the nodes, from what was said on standard error. */
static void tell_failure(struct job_chain *chain, const struct job_outcome *outcome,
                         const struct node_faults *faults)
{
    struct job_attempt *attempt = &chain->attempt;
    struct strbuf told = STRBUF_INIT;
    node_faults_list(faults, &told);
    snprintf(attempt->faulty_nodes, sizeof attempt->faulty_nodes, "%s", told.bytes);
    strbuf_reset(&told);
    node_faults_tell(faults, &told);
    if (faults->last_error && outcome->exit_status != STATUS_STOPPED)
        strbuf_addf(&told, "%s%s", told.length ? ": " : "", faults->last_error);
    if (told.length > 0)
        says(attempt, told.bytes);
    strbuf_release(&told);
}

static void judge(struct job_chain *chain, const struct job_outcome *outcome,
                  const struct node_faults *faults, const struct slurm_job *now,
                  struct verdict *out)
{
    struct job_attempt *attempt = &chain->attempt;
    const int exit_status = outcome->exit_status;
    *out = (struct verdict){ .exit_status = exit_status };
    if (exit_status == STATUS_OK) {
        says(attempt, "done");
    } else if (exit_status == STATUS_BAD_INPUT) {
        if (attempt->reason[0] == '\0')
            says(attempt, "wrong use or bad input");
    } else if (exit_status == STATUS_STOPPED && job_work_is_at_stop(&chain->work)) {
        says(attempt, "stopped where stop_after says");
        out->exit_status = STATUS_OK;
    } else if (outcome->was_ended || (now->state[0] && strcmp(now->state, "RUNNING") != 0)) {
        judge_ended(chain, faults, now, out);
    } else {
        out->goes_on = true;
        if (now->is_preempted)
            says(attempt, "preempted");
        else if (exit_status == STATUS_STOPPED)
            says(attempt, outcome->was_warned ? "warned before the time limit"
                                              : "saved before the end of its time");
        else if (attempt->reason[0] == '\0')
            snprintf(attempt->reason, sizeof attempt->reason, "ended with status %d", exit_status);
    }
}

static void require_progress(struct job_chain *chain, struct verdict *verdict)
{
    struct job_attempt *attempt = &chain->attempt;
    if (!verdict->goes_on || job_journal_fruitless_starts(&chain->journal, attempt->chain,
                                                          attempt->ended_at) <= FRUITLESS_RESTARTS)
        return;
    verdict->goes_on = false;
    verdict->exit_status = STATUS_FAILED;
    snprintf(attempt->next, sizeof attempt->next, "not started again: no progress in %d restarts",
             FRUITLESS_RESTARTS);
}

static void plan_next(struct job_chain *chain, struct verdict *verdict)
{
    struct job_attempt *attempt = &chain->attempt;
    if (!verdict->goes_on)
        return;
    if (verdict->is_requeued || chain->way == CHAIN_REQUEUE)
        snprintf(attempt->next, sizeof attempt->next, "requeued");
    else if (attempt->successor[0])
        snprintf(attempt->next, sizeof attempt->next, "job %s", attempt->successor);
    else
        snprintf(attempt->next, sizeof attempt->next,
                 "not started again: the same command submits it");
}

/* A site may refuse what the job's flag allows: then another job follows. */
static enum status requeue(struct job_chain *chain)
{
    struct job_attempt *attempt = &chain->attempt;
    enum status status = slurm_requeue(attempt->job);
    if (status == STATUS_OK)
        return STATUS_OK;
    TRY(job_script_submit_successor(attempt->job, attempt->chain, attempt->successor));
    if (attempt->successor[0] == '\0')
        return status;
    chain->way = CHAIN_DEPENDENT;
    snprintf(attempt->next, sizeof attempt->next, "job %s", attempt->successor);
    return job_journal_end(&chain->journal, attempt);
}

/* The journal says it already: a requeue ends this process, too. */
static enum status go_on(struct job_chain *chain, const struct verdict *verdict)
{
    const struct job_attempt *attempt = &chain->attempt;
    if (!verdict->goes_on)
        return attempt->successor[0] ? slurm_cancel(attempt->successor) : STATUS_OK;
    if (chain->way == CHAIN_REQUEUE && !verdict->is_requeued)
        TRY(requeue(chain));
    const char *waiting = chain->way == CHAIN_REQUEUE ? attempt->job : attempt->successor;
    return waiting[0]
               ? node_exclusion_apply(&chain->journal, attempt->chain, waiting, chain->job.nodes)
               : STATUS_OK;
}

static void note(struct job_chain *chain, const struct verdict *verdict)
{
    const struct job_attempt *attempt = &chain->attempt;
    log_info("slurm: job %s: %s%s%s", attempt->job, attempt->reason, attempt->next[0] ? "; " : "",
             attempt->next);
    if (chain->work.journal_path && job_journal_end(&chain->journal, attempt) != STATUS_OK)
        log_warning("%s", status_message());
    if (go_on(chain, verdict) != STATUS_OK)
        log_warning("%s", status_message());
}

int job_chain_end(struct job_chain *chain, const struct job_outcome *outcome,
                  const struct node_faults *faults)
{
    struct job_attempt *attempt = &chain->attempt;
    struct slurm_job now;
    struct verdict verdict;
    bool found;
    attempt->exit_status = outcome->exit_status;
    attempt->ended_at = job_work_progress(&chain->work);
    tell_failure(chain, outcome, faults);
    if (slurm_job_read(attempt->job, &now, &found) != STATUS_OK || !found)
        log_warning("slurm: nothing is known of job %s", attempt->job);
    judge(chain, outcome, faults, &now, &verdict);
    if (chain->way == CHAIN_NONE)
        verdict.goes_on = false;
    require_progress(chain, &verdict);
    plan_next(chain, &verdict);
    note(chain, &verdict);
    slurm_job_release(&now);
    return verdict.exit_status;
}
