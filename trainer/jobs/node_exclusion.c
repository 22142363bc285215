#include "trainer/jobs/node_exclusion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trainer/jobs/job_script.h"

static bool is_in(const char *name, const char *list) /* "n1,n3" */
{
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void add_names(struct strbuf *list, const char *names)
{
    char copy[JOB_NODES_BYTES], *rest = copy;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name; (name = strsep(&rest, ",")) != NULL;)
        if (*name && !is_in(name, list->bytes))
            strbuf_addf(list, "%s%s", list->length ? "," : "", name);
}

static void list_faulty(const struct job_journal *journal, const char *chain, struct strbuf *list)
{
    for (int64_t i = 0; i < journal->count; i++)
        if (strcmp(journal->attempts[i].chain, chain) == 0)
            add_names(list, journal->attempts[i].faulty_nodes);
}

enum status node_exclusion_apply(const struct job_journal *journal, const char *chain,
                                 const char *job, int64_t nodes)
{
    struct strbuf faulty = STRBUF_INIT;
    struct name_list working = { NULL, 0 };
    list_faulty(journal, chain, &faulty);
    if (faulty.length == 0)
        return STATUS_OK;
    enum status status = slurm_working_nodes(getenv("SLURM_JOB_PARTITION"), &working);
    int64_t left = 0, needed = job_script_least_nodes(nodes);
    for (int64_t i = 0; i < working.count; i++)
        left += !is_in(working.names[i], faulty.bytes);
    if (status == STATUS_OK && left >= needed)
        status = slurm_exclude(job, faulty.bytes);
    else if (status == STATUS_OK)
        log_info("slurm: %s not excluded: %lld other nodes work, and %lld are needed", faulty.bytes,
                 (long long)left, (long long)needed);
    name_list_release(&working);
    strbuf_release(&faulty);
    return status;
}
