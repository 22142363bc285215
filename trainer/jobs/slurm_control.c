#include "trainer/jobs/slurm_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define ANSWER_MAX ((size_t)1 << 22)

enum { PATIENCE_S = 600, PAUSE_S = 2 };

/* ---- calls ---- */

static void set_words(struct word_list *command, const char *const *words)
{
    *command = (struct word_list)WORD_LIST_INIT;
    for (; *words; words++)
        word_list_add(command, *words);
}

/* Once; *exit_status is the program's. */
static enum status ask_once(const struct word_list *command, enum subprocess_streams streams,
                            struct strbuf *answer, int *exit_status)
{
    strbuf_reset(answer);
    return subprocess_read(command, streams, ANSWER_MAX, answer, exit_status);
}

/* Until the controller answers, or patience ends. An answer may be a refusal: *exit_status. */
static enum status ask(const struct word_list *command, struct strbuf *answer, int *exit_status)
{
    const double until = clock_seconds() + PATIENCE_S;
    struct strbuf ping = STRBUF_INIT;
    struct word_list pinger;
    int ping_status = 0;
    set_words(&pinger, (const char *const[]){ "scontrol", "ping", NULL });
    enum status status = ask_once(command, SUBPROCESS_OUTPUT, answer, exit_status);
    while (status == STATUS_OK && *exit_status != 0 && clock_seconds() < until) {
        status = ask_once(&pinger, SUBPROCESS_OUTPUT, &ping, &ping_status);
        if (status != STATUS_OK || strstr(ping.bytes, "is UP"))
            break;
        sleep(PAUSE_S);
        status = ask_once(command, SUBPROCESS_OUTPUT, answer, exit_status);
    }
    word_list_release(&pinger);
    strbuf_release(&ping);
    return status;
}

/* The same, and a refusal is a failure. */
static enum status ask_words(const char *const *words, struct strbuf *answer)
{
    struct word_list command;
    int exit_status = 0;
    set_words(&command, words);
    enum status status = ask(&command, answer, &exit_status);
    if (status == STATUS_OK && exit_status != 0)
        status = failed("'%s' ended with status %d", words[0], exit_status);
    word_list_release(&command);
    return status;
}

/* Calls whose answer is nothing but success. */
static enum status tell(const char *const *words)
{
    struct strbuf answer = STRBUF_INIT;
    enum status status = ask_words(words, &answer);
    strbuf_release(&answer);
    return status;
}

/* ---- a job ---- */

/* One row of `squeue -O`: fields of a fixed width, so that none can pass for the next. */
enum { FIELD = SLURM_WORD_BYTES - 1, NODES_FIELD = 65536 };
#define JOB_FIELDS                                                                                 \
    "State:.63,Reason:.63,EndTime:.63,StartTime:.63,RestartCnt:.63,Requeue:.63,"                   \
    "PreemptTime:.63,NumNodes:.63,NodeList:.65536"

/* The field that begins at *row, without its padding; *row moves behind it. */
static void take_field(const char **row, int width, char *out)
{
    int begin = 0, end = 0;
    while (end < width && (*row)[end] != '\0' && (*row)[end] != '\n')
        end++;
    const char *field = *row;
    *row += end;
    while (begin < end && field[begin] == ' ')
        begin++;
    while (end > begin && field[end - 1] == ' ')
        end--;
    memcpy(out, field + begin, (size_t)(end - begin));
    out[end - begin] = '\0';
}

/* "2026-11-29T07:13:45", in local time; anything else is not known. */
static int64_t time_of(const char *text)
{
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || *end != '\0')
        return 0;
    parts.tm_isdst = -1;
    return (int64_t)mktime(&parts);
}

static void parse_job(const char *row, struct slurm_job *out)
{
    char word[SLURM_WORD_BYTES];
    take_field(&row, FIELD, out->state);
    take_field(&row, FIELD, out->reason);
    take_field(&row, FIELD, word);
    out->end_time = time_of(word);
    take_field(&row, FIELD, word);
    out->start_time = time_of(word);
    take_field(&row, FIELD, word);
    out->restarts = strtoll(word, NULL, 10);
    take_field(&row, FIELD, word);
    out->may_be_requeued = strcmp(word, "1") == 0;
    take_field(&row, FIELD, word);
    out->is_preempted = time_of(word) != 0;
    take_field(&row, FIELD, word);
    out->nodes = strtoll(word, NULL, 10);
    out->node_list = memory_alloc(NODES_FIELD + 1);
    take_field(&row, NODES_FIELD, out->node_list);
}

enum status slurm_job_read(const char *job, struct slurm_job *out, bool *found)
{
    struct word_list command;
    struct strbuf answer = STRBUF_INIT;
    int exit_status = 0;
    *out = (struct slurm_job){ .end_time = 0 };
    set_words(&command, (const char *const[]){ "squeue", "--noheader", "--jobs", job,
                                               "--states=all", "--Format", JOB_FIELDS, NULL });
    enum status status = ask(&command, &answer, &exit_status);
    *found = status == STATUS_OK && exit_status == 0 && answer.length > 0;
    if (*found)
        parse_job(answer.bytes, out);
    word_list_release(&command);
    strbuf_release(&answer);
    return status;
}

void slurm_job_release(struct slurm_job *job)
{
    memory_free(job->node_list);
    job->node_list = NULL;
}

enum status slurm_requeue(const char *job)
{
    return tell((const char *const[]){ "scontrol", "requeue", job, NULL });
}

enum status slurm_exclude(const char *job, const char *nodes)
{
    struct strbuf who = STRBUF_INIT, what = STRBUF_INIT;
    strbuf_addf(&who, "JobId=%s", job);
    strbuf_addf(&what, "ExcNodeList=%s", nodes);
    enum status status =
        tell((const char *const[]){ "scontrol", "update", who.bytes, what.bytes, NULL });
    strbuf_release(&who);
    strbuf_release(&what);
    return status;
}

enum status slurm_cancel(const char *job)
{
    return tell((const char *const[]){ "scancel", job, NULL });
}

enum status slurm_submit(const struct word_list *command, char job[SLURM_WORD_BYTES])
{
    struct strbuf answer = STRBUF_INIT;
    int exit_status = 0;
    job[0] = '\0';
    enum status status = ask(command, &answer, &exit_status);
    if (status == STATUS_OK && exit_status != 0)
        status = bad_input("'%s' refuses the job, as it says above", command->words[0]);
    if (status == STATUS_OK) /* "17" or "17;cluster" */
        snprintf(job, SLURM_WORD_BYTES, "%.*s", (int)strspn(answer.bytes, "0123456789"),
                 answer.bytes);
    if (status == STATUS_OK && job[0] == '\0')
        status = failed("cannot read the job's number from sbatch's answer '%s'", answer.bytes);
    strbuf_release(&answer);
    return status;
}

/* ---- nodes ---- */

static void name_list_add(struct name_list *names, const char *name, size_t length)
{
    names->names = memory_realloc(names->names, (size_t)(names->count + 1) * sizeof *names->names);
    char *copy = memory_alloc(length + 1);
    memcpy(copy, name, length);
    copy[length] = '\0';
    names->names[names->count++] = copy;
}

static enum status read_names(const char *const *words, struct name_list *names)
{
    struct strbuf answer = STRBUF_INIT;
    *names = (struct name_list){ NULL, 0 };
    enum status status = ask_words(words, &answer);
    const char *line = answer.bytes, *end;
    for (; status == STATUS_OK && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        size_t length = (size_t)(end - line);
        while (length > 0 && line[length - 1] == ' ')
            length--;
        if (length > 0)
            name_list_add(names, line, length);
    }
    strbuf_release(&answer);
    return status;
}

enum status slurm_expand_nodes(const char *node_list, struct name_list *names)
{
    return read_names((const char *const[]){ "scontrol", "show", "hostnames", node_list, NULL },
                      names);
}

enum status slurm_working_nodes(const char *partition, struct name_list *names)
{
    const char *states = "--states=idle,allocated,mixed,completing";
    return read_names(
        partition ? (const char *const[]){ "sinfo", "--noheader", "--Node", "--responding", states,
                                           "--format=%N", "--partition", partition, NULL }
                  : (const char *const[]){ "sinfo", "--noheader", "--Node", "--responding", states,
                                           "--format=%N", NULL },
        names);
}

bool slurm_has_pmix(void)
{
    struct word_list command;
    struct strbuf answer = STRBUF_INIT;
    int exit_status = 0;
    set_words(&command, (const char *const[]){ "srun", "--mpi=list", NULL });
    enum status status = ask_once(&command, SUBPROCESS_BOTH, &answer, &exit_status);
    bool is_there = status == STATUS_OK && strstr(answer.bytes, "pmix") != NULL;
    word_list_release(&command);
    strbuf_release(&answer);
    return is_there;
}
