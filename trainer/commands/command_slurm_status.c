/* eon slurm status: a run in Slurm's queue, its steps, and why it last stopped. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/jobs/job_journal.h"
#include "trainer/reports/run_pace.h"

struct status_settings {
    bool json;
};

/* clang-format off */
static const struct option_spec status_options[] = {
    { .key = "json", .type = OPTION_BOOL, .offset = offsetof(struct status_settings, json),
      .default_text = "false", .help = "one JSON object instead" },
    { 0 }
};
/* clang-format on */

struct run_status {
    const char *run;
    struct job_journal journal;
    const struct job_attempt *last;    /* start; NULL: none yet */
    const struct job_attempt *stopped; /* the last that has ended; or NULL */
    char job_number[SLURM_WORD_BYTES]; /* that runs, waits, or was the last; "" */
    bool is_known;                     /* to Slurm */
    struct slurm_job job;
    struct run_pace pace;
};

static bool has_started(const struct job_journal *journal, const char *job)
{
    for (int64_t i = 0; i < journal->count; i++)
        if (strcmp(journal->attempts[i].job, job) == 0)
            return true;
    return false;
}

/* The one that was submitted last, if it waits for its first start; else the one that started last,
 * or follows that. */
static void find_job(struct run_status *status)
{
    const struct job_journal *journal = &status->journal;
    const struct job_attempt *last = status->last;
    const char *job = last ? last->job : "";
    if (last && last->has_ended && strncmp(last->next, "job ", 4) == 0)
        job = last->successor;
    if (journal->submitted[0] && !has_started(journal, journal->submitted))
        job = journal->submitted;
    snprintf(status->job_number, sizeof status->job_number, "%s", job);
}

static enum status read_status(const char *run, struct run_status *status)
{
    char *path = path_join(run, JOB_JOURNAL_FILE);
    *status = (struct run_status){ .run = run };
    enum status result = folder_exists(run) ? job_journal_read(path, &status->journal)
                                            : bad_input("'%s' is no folder of a run", run);
    memory_free(path);
    TRY(result);
    const struct job_journal *journal = &status->journal;
    for (int64_t i = 0; i < journal->count; i++) {
        status->last = &journal->attempts[i];
        if (status->last->has_ended)
            status->stopped = status->last;
    }
    find_job(status);
    run_pace_read(run, &status->pace);
    if (status->job_number[0])
        TRY(slurm_job_read(status->job_number, &status->job, &status->is_known));
    return STATUS_OK;
}

static bool is_alive(const struct run_status *status)
{
    static const char *const states[] = { "PENDING",    "RUNNING",  "SUSPENDED",
                                          "COMPLETING", "REQUEUED", "CONFIGURING" };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (status->is_known && strcmp(status->job.state, states[i]) == 0)
            return true;
    return false;
}

/* ---- for people ---- */

static void print_duration(const char *before, double seconds, const char *after)
{
    char text[64];
    clock_format_duration(seconds, text, sizeof text);
    printf("%s%s%s", before, text, after);
}

static void print_job(const struct run_status *status)
{
    const double now = (double)time(NULL);
    const struct slurm_job *job = &status->job;
    if (!status->job_number[0]) {
        printf("no job of this run has started, or was submitted by 'eon slurm submit'\n");
        return;
    }
    if (!is_alive(status)) {
        printf("job %s: %s\n", status->job_number,
               status->is_known ? job->state : "Slurm knows it no more");
        return;
    }
    printf("job %s: %s", status->job_number, job->state);
    if (strcmp(job->state, "PENDING") == 0) {
        printf(" (%s)", job->reason);
        if (job->start_time > 0)
            print_duration(", to start in ", fmax(0, (double)job->start_time - now), "");
    } else {
        printf(" on %s", job->node_list);
        if (job->end_time > 0)
            print_duration(", ", fmax(0, (double)job->end_time - now), " of its time left");
    }
    printf("\n");
}

static void print_pace(const struct run_pace *pace)
{
    if (pace->step < 0) {
        printf("no step has been logged yet\n");
        return;
    }
    printf("step %lld", (long long)pace->step);
    if (pace->steps > 0)
        printf(" of %lld", (long long)pace->steps);
    if (isfinite(pace->loss))
        printf(", loss %.4f", pace->loss);
    if (isfinite(pace->seconds_left) && pace->seconds_left > 0)
        print_duration(", trained in ", pace->seconds_left, " of running");
    printf("\n");
}

static void print_stop(const struct run_status *status)
{
    const struct job_attempt *last = status->last, *stopped = status->stopped;
    if (last && !last->has_ended && !is_alive(status))
        printf("its last job, %s since %s, ended without a word: its batch host was lost, or it "
               "was killed\n",
               last->job, last->begun);
    if (stopped)
        printf("last stop: %s, job %s at step %lld: %s%s%s\n", stopped->ended, stopped->job,
               (long long)stopped->ended_at, stopped->reason, stopped->next[0] ? "; " : "",
               stopped->next);
    if (stopped && stopped->faulty_nodes[0])
        printf("nodes avoided since: %s\n", stopped->faulty_nodes);
}

static void print_text(const struct run_status *status)
{
    printf("run %s, started %lld time%s\n", status->run, (long long)status->journal.count,
           status->journal.count == 1 ? "" : "s");
    print_job(status);
    print_pace(&status->pace);
    print_stop(status);
}

/* ---- for programs ---- */

static void put_stop(struct json *object, const struct job_attempt *stopped)
{
    struct json *stop = json_new_object();
    json_put_text(stop, "job", stopped->job);
    json_put_text(stop, "time", stopped->ended);
    json_put_integer(stop, "step", stopped->ended_at);
    json_put_integer(stop, "exit_status", stopped->exit_status);
    json_put_text(stop, "reason", stopped->reason);
    json_put_text(stop, "faulty_nodes", stopped->faulty_nodes);
    json_put_text(stop, "next", stopped->next);
    json_put(object, "last_stop", stop);
}

static void print_json(const struct run_status *status)
{
    struct json *object = json_new_object();
    json_put_text(object, "run", status->run);
    json_put_integer(object, "starts", status->journal.count);
    json_put_text(object, "job", status->job_number);
    json_put_text(object, "state", status->is_known ? status->job.state : "");
    json_put_text(object, "pending_reason", status->is_known ? status->job.reason : "");
    json_put_text(object, "nodes", status->is_known ? status->job.node_list : "");
    json_put_integer(object, "end_time", status->job.end_time);
    json_put_integer(object, "step", status->pace.step);
    json_put_integer(object, "steps", status->pace.steps);
    json_put_number(object, "loss", status->pace.loss);
    json_put_number(object, "seconds_left", status->pace.seconds_left);
    if (status->stopped)
        put_stop(object, status->stopped);
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const struct status_settings *settings = given;
    struct run_status status;
    enum status result = read_status(positionals[0], &status);
    if (result == STATUS_OK && settings->json)
        print_json(&status);
    else if (result == STATUS_OK)
        print_text(&status);
    job_journal_release(&status.journal);
    slurm_job_release(&status.job);
    return result;
}

const struct command command_slurm_status = {
    .name = "slurm status",
    .arguments = "RUN",
    .summary = "tell a run's job in the queue, its step and loss, and why it last stopped",
    .description = "Reads RUN/slurm.jsonl and RUN/metrics.jsonl, and asks squeue.\n"
                   "\n"
                   "    eon slurm status runs/first",
    .options = status_options,
    .settings_bytes = sizeof(struct status_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
