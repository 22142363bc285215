#include "trainer/commands/doctor.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

#define MIB (UINT64_C(1) << 20)

struct limit {
    const char *what;
    int resource;
    uint64_t enough, unit_bytes;
    const char *unit, *remedy;
};

static const struct limit limits[] = {
    { "open files", RLIMIT_NOFILE, 1024, 1, "",
      "shards, checkpoints and MPI's connections need descriptors: ulimit -n 4096" },
    { "stack", RLIMIT_STACK, 4 * MIB, MIB, " MiB", "ulimit -s 8192" },
    { "address space", RLIMIT_AS, UINT64_MAX, MIB, " MiB",
      "eon maps more than it uses: ulimit -v unlimited" },
    { "file size", RLIMIT_FSIZE, UINT64_MAX, MIB, " MiB",
      "a checkpoint that grows beyond it fails: ulimit -f unlimited" },
};

static void examine_limit(const struct limit *limit, struct findings *findings)
{
    struct rlimit set;
    if (getrlimit(limit->resource, &set) != 0)
        return;
    if (set.rlim_cur == RLIM_INFINITY) {
        finding_add(findings, limit->what, "unlimited");
        return;
    }
    struct finding *finding =
        finding_add(findings, limit->what, "%llu%s",
                    (unsigned long long)(set.rlim_cur / limit->unit_bytes), limit->unit);
    if (set.rlim_cur < limit->enough)
        finding_judge(finding, VERDICT_WARN, "%s", limit->remedy);
}

static bool has_infiniband(void)
{
    DIR *devices = opendir("/sys/class/infiniband");
    if (!devices)
        return false;
    bool found = false;
    for (struct dirent *entry; (entry = readdir(devices)) != NULL;)
        found = found || entry->d_name[0] != '.';
    closedir(devices);
    return found;
}

/* InfiniBand's adapters read and write pinned memory; over Ethernet nothing is pinned. */
static void examine_locked_memory(struct findings *findings)
{
    struct rlimit set;
    if (getrlimit(RLIMIT_MEMLOCK, &set) != 0)
        return;
    bool infiniband = has_infiniband(), is_unlimited = set.rlim_cur == RLIM_INFINITY;
    char amount[48] = "unlimited";
    if (!is_unlimited)
        snprintf(amount, sizeof amount, "%llu KiB", (unsigned long long)(set.rlim_cur / 1024));
    struct finding *finding = finding_add(findings, "locked memory", "%s%s", amount,
                                          infiniband ? ", InfiniBand" : ", no InfiniBand here");
    if (infiniband && !is_unlimited)
        finding_judge(finding, VERDICT_WARN,
                      "InfiniBand pins its buffers: set memlock to unlimited in "
                      "/etc/security/limits.conf and in Slurm's unit (LimitMEMLOCK=infinity)");
}

void doctor_examine_limits(struct findings *findings)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        examine_limit(&limits[i], findings);
    examine_locked_memory(findings);
}
