#include "trainer/jobs/node_faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LINE_MAX_BYTES = 8192, SLOW_STEPS = 80 };

/* A line that holds `sign` blames a node: the one whose name stands between the first `before` and
 * one of the characters of `after`; without `before`, the word that stands before the sign. */
struct blame {
    const char *sign, *before, *after;
};

static const struct blame blames[] = {
    /* eon: comm/stall */
    { " gives no sign of life ", NULL, NULL },
    { " ended without a word ", NULL, NULL },
    /* srun: a node's failure; of tasks see judge_task */
    { "srun: error: Node failure on ", "Node failure on ", " " },
    /* mpirun: a rank's end by a signal, a lost daemon */
    { " exited on signal ", " on node ", " " },
    { "  Remote daemon: ", " on node ", " " },
};

/* Open MPI in a rank: the other end of a connection is gone. It may be one that was killed after
 * another failed, so it counts only where nothing else is said. */
static const struct blame suspicion = { "  Peer host: ", "  Peer host: ", "" };

void node_faults_init(struct node_faults *faults, const struct name_list *nodes)
{
    *faults = (struct node_faults){
        .nodes = nodes,
        .failed_node = -1,
        .suspected_node = -1,
        .is_slow = memory_alloc_zeroed((size_t)nodes->count + 1, sizeof *faults->is_slow),
        .line = STRBUF_INIT,
    };
}

void node_faults_release(struct node_faults *faults)
{
    memory_free(faults->is_slow);
    memory_free(faults->last_error);
    strbuf_release(&faults->line);
}

/* -1: none of the job's. */
static int64_t find_node(const struct node_faults *faults, const char *name, size_t length)
{
    for (int64_t i = 0; i < faults->nodes->count; i++)
        if (strlen(faults->nodes->names[i]) == length &&
            memcmp(faults->nodes->names[i], name, length) == 0)
            return i;
    return -1;
}

static int64_t blamed_node(const struct node_faults *faults, const char *line,
                           const struct blame *blame)
{
    const char *sign = strstr(line, blame->sign), *name = sign;
    if (!sign)
        return -1;
    if (!blame->before) {
        while (name > line && name[-1] != ' ')
            name--;
        return find_node(faults, name, (size_t)(sign - name));
    }
    name = strstr(line, blame->before);
    if (!name)
        return -1;
    name += strlen(blame->before);
    name += strspn(name, " ");
    return find_node(faults, name, strcspn(name, blame->after));
}

/* "srun: error: n3: task 2: Killed": the end of a task. The first is the cause of the others; it
 * blames its node unless the task ended by itself, or was asked to. */
static void judge_task(struct node_faults *faults, const char *line)
{
    static const char sign[] = "srun: error: ";
    if (strncmp(line, sign, strlen(sign)) != 0 || !strstr(line, ": task") || faults->has_task_ended)
        return;
    const char *name = line + strlen(sign);
    faults->has_task_ended = true;
    if (faults->failed_node < 0 && !strstr(line, ": Exited with exit code ") &&
        !strstr(line, ": Terminated"))
        faults->failed_node = find_node(faults, name, strcspn(name, ":"));
}

/* comm/straggler: "slow: rank 3 on n2 computes ..., 40 steps in a row". */
static void judge_slowness(struct node_faults *faults, const char *line)
{
    const char *name = strstr(line, " on "), *tail = strstr(line, " steps in a row");
    if (strncmp(line, "slow: rank ", 11) != 0 || !name || !tail)
        return;
    name += strlen(" on ");
    const char *number = tail;
    while (number > line && number[-1] >= '0' && number[-1] <= '9')
        number--;
    int64_t node = find_node(faults, name, strcspn(name, " "));
    if (node >= 0 && strtoll(number, NULL, 10) >= SLOW_STEPS)
        faults->is_slow[node] = true;
}

static void keep_error(struct node_faults *faults, const char *line)
{
    if (strncmp(line, "eon: ", 5) != 0 || strncmp(line, "eon: warning: ", 14) == 0)
        return;
    memory_free(faults->last_error);
    faults->last_error = memory_copy_string(line + 5);
}

static void read_line(struct node_faults *faults, const char *line)
{
    keep_error(faults, line);
    judge_slowness(faults, line);
    judge_task(faults, line);
    for (size_t i = 0; i < sizeof blames / sizeof *blames && faults->failed_node < 0; i++)
        faults->failed_node = blamed_node(faults, line, &blames[i]);
    if (faults->suspected_node < 0)
        faults->suspected_node = blamed_node(faults, line, &suspicion);
}

void node_faults_read(struct node_faults *faults, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            read_line(faults, faults->line.bytes);
            strbuf_reset(&faults->line);
        } else if (faults->line.length < LINE_MAX_BYTES && text[i] != '\0') {
            strbuf_add_char(&faults->line, text[i]);
        }
    }
}

int64_t node_faults_failed(const struct node_faults *faults)
{
    bool is_told = faults->failed_node >= 0 || faults->has_task_ended;
    return is_told ? faults->failed_node : faults->suspected_node;
}

/* What is the matter with a node; NULL: nothing. */
static const char *fault_of(const struct node_faults *faults, int64_t node)
{
    if (node == node_faults_failed(faults))
        return "failed";
    return faults->is_slow[node] ? "was slow" : NULL;
}

void node_faults_list(const struct node_faults *faults, struct strbuf *out)
{
    for (int64_t i = 0; i < faults->nodes->count; i++)
        if (fault_of(faults, i))
            strbuf_addf(out, "%s%s", out->length ? "," : "", faults->nodes->names[i]);
}

void node_faults_tell(const struct node_faults *faults, struct strbuf *out)
{
    for (int64_t i = 0; i < faults->nodes->count; i++)
        if (fault_of(faults, i))
            strbuf_addf(out, "%s%s %s", out->length ? ", " : "", faults->nodes->names[i],
                        fault_of(faults, i));
}
