#include "trainer/jobs/job_run.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/jobs/job_chain.h"
#include "trainer/jobs/job_launch.h"
#include "trainer/jobs/job_script.h"

struct job_parts {
    const char *const *words;
    int count;
    char *eon;
    enum job_launcher launcher;
    struct job_layout layout;
    struct job_chain chain;
    struct name_list nodes;
};

static void make_command(const struct job_parts *job, struct word_list *command)
{
    job_launch_command(job->launcher, &job->layout, &job->chain.work, job->eon, job->words,
                       job->count, command);
}

static void print_command(const struct word_list *command, FILE *out)
{
    struct strbuf line = STRBUF_INIT;
    word_list_print(command, &line);
    fprintf(out, "%s\n", line.bytes);
    strbuf_release(&line);
}

static void tell_start(const struct job_parts *job, const struct word_list *command)
{
    const struct job_attempt *attempt = &job->chain.attempt;
    log_info("slurm: job %s, start %lld: %d nodes (%s) of %d ranks of %d threads", attempt->job,
             (long long)attempt->restart + 1, job->layout.nodes, attempt->nodes,
             job->layout.ranks_per_node, job->layout.threads);
    print_command(command, stderr);
}

static void fill_attempt(struct job_parts *job)
{
    struct job_attempt *attempt = &job->chain.attempt;
    snprintf(attempt->nodes, sizeof attempt->nodes, "%s",
             job->chain.job.node_list ? job->chain.job.node_list : "");
    attempt->ranks = job->layout.nodes * job->layout.ranks_per_node;
    attempt->threads = job->layout.threads;
    attempt->launcher = job_launcher_names[job->launcher];
}

/* The ranks' whole life. Its status has been told when it is over. */
static enum status supervise(struct job_parts *job, const struct word_list *command,
                             int *exit_status)
{
    struct node_faults faults;
    struct job_outcome outcome;
    fill_attempt(job);
    TRY(slurm_expand_nodes(job->chain.attempt.nodes, &job->nodes));
    TRY(job_chain_prepare(&job->chain));
    tell_start(job, command);
    node_faults_init(&faults, &job->nodes);
    enum status status = job_supervise(command, &faults, job_chain_ending, &job->chain, &outcome);
    if (status == STATUS_OK)
        *exit_status = job_chain_end(&job->chain, &outcome, &faults);
    node_faults_release(&faults);
    return status;
}

static enum status start(struct job_parts *job, const struct job_work *work, bool is_dry,
                         int *exit_status)
{
    struct word_list command = WORD_LIST_INIT;
    char why[JOB_REASON_BYTES];
    bool goes_on = true;
    TRY(job_chain_open(&job->chain, work, &goes_on, why));
    if (!goes_on)
        return failed("slurm: job %s does not start: %s", job->chain.attempt.job, why);
    job_launch_environment(job->chain.job.end_time);
    make_command(job, &command);
    enum status status = STATUS_OK;
    if (is_dry)
        print_command(&command, stdout);
    else
        status = supervise(job, &command, exit_status);
    word_list_release(&command);
    return status;
}

enum status job_run(const char *const *words, int count, bool is_dry)
{
    struct job_parts job = { .words = words, .count = count };
    struct job_work work;
    int exit_status = 0;
    job_supervisor_hold_signals();
    TRY(job_layout_read("/sys", &job.layout));
    TRY(job_launcher_choose(&job.launcher));
    TRY(job_script_program(&job.eon));
    enum status status = job_work_read(words, count, &work);
    if (work.threads > 0)
        job.layout.threads = (int)work.threads;
    if (status == STATUS_OK)
        status = start(&job, &work, is_dry, &exit_status);
    else
        job_work_release(&work);
    job_chain_close(&job.chain);
    name_list_release(&job.nodes);
    memory_free(job.eon);
    return status == STATUS_OK && exit_status != 0
               ? status_set((enum status)exit_status, "slurm: the job ends, as told above")
               : status;
}
