#include "trainer/jobs/job_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

#define JOURNAL_BYTES_MAX ((size_t)1 << 26)

/* ---- reading ---- */

static void copy_text(const struct json *line, const char *key, char *out, size_t size)
{
    const struct json *value = json_member(line, key);
    bool is_text = value && json_kind_of(value) == JSON_KIND_STRING;
    snprintf(out, size, "%s", is_text ? json_text(value) : "");
}

static int64_t integer_of(const struct json *line, const char *key)
{
    const struct json *value = json_member(line, key);
    bool is_integer = value && json_kind_of(value) == JSON_KIND_INTEGER;
    return is_integer ? json_integer_of(value) : 0;
}

static struct job_attempt *add_attempt(struct job_journal *journal)
{
    journal->attempts =
        memory_realloc(journal->attempts, (size_t)(journal->count + 1) * sizeof *journal->attempts);
    struct job_attempt *attempt = &journal->attempts[journal->count++];
    memset(attempt, 0, sizeof *attempt);
    return attempt;
}

static void read_start(struct job_journal *journal, const struct json *line)
{
    struct job_attempt *attempt = add_attempt(journal);
    char launcher[8];
    copy_text(line, "job", attempt->job, sizeof attempt->job);
    copy_text(line, "chain", attempt->chain, sizeof attempt->chain);
    copy_text(line, "time", attempt->begun, sizeof attempt->begun);
    copy_text(line, "nodes", attempt->nodes, sizeof attempt->nodes);
    copy_text(line, "successor", attempt->successor, sizeof attempt->successor);
    copy_text(line, "launcher", launcher, sizeof launcher);
    attempt->launcher = strcmp(launcher, "mpirun") == 0 ? "mpirun" : "srun";
    attempt->restart = integer_of(line, "restart");
    attempt->ranks = (int)integer_of(line, "ranks");
    attempt->threads = (int)integer_of(line, "threads");
    attempt->begun_at = integer_of(line, "progress");
}

/* The last start of this job; NULL: its line is lost. */
static struct job_attempt *find_start(struct job_journal *journal, const char *job, int64_t restart)
{
    for (int64_t i = journal->count - 1; i >= 0; i--)
        if (strcmp(journal->attempts[i].job, job) == 0 && journal->attempts[i].restart == restart)
            return &journal->attempts[i];
    return NULL;
}

static void read_end(struct job_journal *journal, const struct json *line)
{
    char job[SLURM_WORD_BYTES];
    copy_text(line, "job", job, sizeof job);
    struct job_attempt *attempt = find_start(journal, job, integer_of(line, "restart"));
    if (!attempt)
        return;
    attempt->has_ended = true;
    copy_text(line, "time", attempt->ended, sizeof attempt->ended);
    copy_text(line, "reason", attempt->reason, sizeof attempt->reason);
    copy_text(line, "faulty_nodes", attempt->faulty_nodes, sizeof attempt->faulty_nodes);
    copy_text(line, "next", attempt->next, sizeof attempt->next);
    attempt->exit_status = (int)integer_of(line, "exit_status");
    attempt->ended_at = integer_of(line, "progress");
}

static void read_line(struct job_journal *journal, const char *text, size_t length)
{
    struct json *line = NULL;
    char event[8] = "";
    if (json_parse(text, length, journal->path, &line) == STATUS_OK &&
        json_kind_of(line) == JSON_KIND_OBJECT)
        copy_text(line, "event", event, sizeof event);
    if (strcmp(event, "start") == 0)
        read_start(journal, line);
    else if (strcmp(event, "end") == 0)
        read_end(journal, line);
    else if (strcmp(event, "submit") == 0)
        copy_text(line, "job", journal->submitted, sizeof journal->submitted);
    json_free(line);
}

enum status job_journal_read(const char *path, struct job_journal *journal)
{
    struct strbuf text = STRBUF_INIT;
    *journal = (struct job_journal){ .path = memory_copy_string(path) };
    if (!file_exists(path))
        return STATUS_OK;
    enum status status = file_read(path, JOURNAL_BYTES_MAX, &text);
    const char *line = text.bytes, *end;
    for (; status == STATUS_OK && (end = strchr(line, '\n')) != NULL; line = end + 1)
        read_line(journal, line, (size_t)(end - line));
    strbuf_release(&text);
    if (status != STATUS_OK)
        job_journal_release(journal);
    return status;
}

void job_journal_release(struct job_journal *journal)
{
    memory_free(journal->path);
    memory_free(journal->attempts);
    *journal = (struct job_journal){ .path = NULL };
}

/* ---- writing ---- */

/* What a dying host left half written spoils no line after it. */
static bool ends_within_line(int descriptor)
{
    char last;
    off_t size = lseek(descriptor, 0, SEEK_END);
    return size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != '\n';
}

static enum status append(const char *path, const struct json *line)
{
    struct strbuf text = STRBUF_INIT;
    int descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return failed("cannot write '%s': %s", path, strerror(errno));
    if (ends_within_line(descriptor))
        strbuf_add_char(&text, '\n');
    json_print(line, JSON_COMPACT, &text);
    strbuf_add_char(&text, '\n');
    enum status status = file_write_all(descriptor, text.bytes, text.length, path);
    if (status == STATUS_OK && fsync(descriptor) != 0)
        status = failed("cannot write '%s': %s", path, strerror(errno));
    close(descriptor);
    strbuf_release(&text);
    return status;
}

static struct json *new_event(const char *event, const char *time, const char *job)
{
    struct json *line = json_new_object();
    json_put_text(line, "event", event);
    json_put_text(line, "time", time);
    json_put_text(line, "job", job);
    return line;
}

enum status job_journal_note_submit(const char *path, const char *job)
{
    char now[JOB_TIME_BYTES];
    clock_timestamp(now, sizeof now);
    struct json *line = new_event("submit", now, job);
    enum status status = append(path, line);
    json_free(line);
    return status;
}

enum status job_journal_begin(struct job_journal *journal, const struct job_attempt *attempt)
{
    struct job_attempt *added = add_attempt(journal);
    *added = *attempt;
    clock_timestamp(added->begun, sizeof added->begun);
    struct json *line = new_event("start", added->begun, added->job);
    json_put_integer(line, "restart", added->restart);
    json_put_text(line, "chain", added->chain);
    json_put_text(line, "nodes", added->nodes);
    json_put_integer(line, "ranks", added->ranks);
    json_put_integer(line, "threads", added->threads);
    json_put_text(line, "launcher", added->launcher);
    json_put_integer(line, "progress", added->begun_at);
    json_put_text(line, "successor", added->successor);
    enum status status = append(journal->path, line);
    json_free(line);
    return status;
}

enum status job_journal_end(struct job_journal *journal, const struct job_attempt *attempt)
{
    char now[JOB_TIME_BYTES];
    clock_timestamp(now, sizeof now);
    struct json *line = new_event("end", now, attempt->job);
    json_put_integer(line, "restart", attempt->restart);
    json_put_integer(line, "exit_status", attempt->exit_status);
    json_put_integer(line, "progress", attempt->ended_at);
    json_put_text(line, "reason", attempt->reason);
    json_put_text(line, "faulty_nodes", attempt->faulty_nodes);
    json_put_text(line, "next", attempt->next);
    read_end(journal, line);
    enum status status = append(journal->path, line);
    json_free(line);
    return status;
}

int64_t job_journal_fruitless_starts(const struct job_journal *journal, const char *chain,
                                     int64_t progress)
{
    int64_t count = 0;
    for (int64_t i = journal->count - 1; i >= 0; i--) {
        const struct job_attempt *attempt = &journal->attempts[i];
        if (strcmp(attempt->chain, chain) != 0 || attempt->begun_at != progress)
            break;
        count++;
    }
    return count;
}
