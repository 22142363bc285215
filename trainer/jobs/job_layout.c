#include "trainer/jobs/job_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

enum { LIST_MAX = 65536, DOMAINS_MAX = 1024 };

/* Adds the processors of a list such as "0-3,8". */
static void parse_list(const char *text, cpu_set_t *set)
{
    while (*text >= '0' && *text <= '9') {
        char *end;
        long first = strtol(text, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        for (long cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
            CPU_SET((size_t)cpu, set);
        text = *end == ',' ? end + 1 : end;
    }
}

/* False where there is no such file: an old kernel, a container without /sys. */
static bool read_list(const char *sysfs, const char *place, cpu_set_t *set)
{
    struct strbuf text = STRBUF_INIT;
    char *path = path_join(sysfs, place);
    CPU_ZERO(set);
    bool is_there = file_exists(path) && file_read(path, LIST_MAX, &text) == STATUS_OK;
    if (is_there)
        parse_list(text.bytes, set);
    strbuf_release(&text);
    memory_free(path);
    return is_there;
}

/* Domains that have a processor of these; memory alone is no place for a rank. */
static int count_domains(const char *sysfs, const cpu_set_t *allowed)
{
    int count = 0;
    for (int domain = 0; domain < DOMAINS_MAX; domain++) {
        char place[64];
        cpu_set_t cpus, ours;
        snprintf(place, sizeof place, "devices/system/node/node%d/cpulist", domain);
        if (!read_list(sysfs, place, &cpus))
            continue;
        CPU_AND(&ours, &cpus, allowed);
        count += CPU_COUNT(&ours) > 0;
    }
    return count > 0 ? count : 1;
}

/* Cores that have a processor of these: each is counted by its first one. */
static int count_cores(const char *sysfs, const cpu_set_t *allowed)
{
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, allowed))
            continue;
        char place[96];
        cpu_set_t siblings;
        snprintf(place, sizeof place, "devices/system/cpu/cpu%d/topology/thread_siblings_list",
                 cpu);
        bool is_first = true;
        if (read_list(sysfs, place, &siblings))
            for (int other = 0; other < cpu; other++)
                if (CPU_ISSET((size_t)other, &siblings) && CPU_ISSET((size_t)other, allowed))
                    is_first = false;
        count += is_first;
    }
    return count;
}

static int number_in_environment(const char *name)
{
    const char *text = getenv(name);
    long value = text ? strtol(text, NULL, 10) : 0; /* "16(x4)" is 16 */
    return value > 0 && value <= 1 << 20 ? (int)value : 0;
}

static int at_least_one(int value)
{
    return value > 1 ? value : 1;
}

void job_layout_fill(const char *sysfs, const cpu_set_t *allowed, struct job_layout *layout)
{
    const int cpus = at_least_one(CPU_COUNT(allowed));
    const int cpus_per_core = at_least_one(cpus / at_least_one(count_cores(sysfs, allowed)));
    int granted = number_in_environment("SLURM_CPUS_ON_NODE"); /* of a node that is shared: less */
    if (granted == 0 || granted > cpus)
        granted = cpus;
    layout->cpus_per_rank = number_in_environment("SLURM_CPUS_PER_TASK");
    layout->ranks_per_node = number_in_environment("SLURM_NTASKS_PER_NODE");
    if (layout->ranks_per_node == 0 && layout->cpus_per_rank > 0)
        layout->ranks_per_node = at_least_one(granted / layout->cpus_per_rank);
    if (layout->ranks_per_node == 0) {
        int domains = count_domains(sysfs, allowed);
        layout->ranks_per_node = domains < granted ? domains : granted;
    }
    if (layout->cpus_per_rank == 0)
        layout->cpus_per_rank = at_least_one(granted / layout->ranks_per_node);
    layout->threads = at_least_one(layout->cpus_per_rank / cpus_per_core);
}

enum status job_layout_read(const char *sysfs, struct job_layout *out)
{
    cpu_set_t allowed;
    *out = (struct job_layout){ .nodes = number_in_environment("SLURM_JOB_NUM_NODES") };
    if (!getenv("SLURM_JOB_ID") || out->nodes == 0)
        return bad_input("this is no job of Slurm's: SLURM_JOB_ID and SLURM_JOB_NUM_NODES are not "
                         "set; submit it with 'eon slurm submit' or sbatch");
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return failed("cannot tell which processors this job may use");
    job_layout_fill(sysfs, &allowed, out);
    return STATUS_OK;
}
