#include "trainer/commands/doctor.h"

#include <sys/statvfs.h>

#include "trainer/reports/machine_memory.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static double in_gib(int64_t bytes)
{
    return (double)bytes / (double)GIB;
}

static void examine_main_memory(struct findings *findings)
{
    int64_t total = machine_memory_bytes("MemTotal"),
            available = machine_memory_bytes("MemAvailable");
    if (total < 0 || available < 0)
        return;
    struct finding *memory = finding_add(findings, "memory", "%.1f GiB, of which %.1f GiB are free",
                                         in_gib(total), in_gib(available));
    if (available < GIB)
        finding_judge(memory, VERDICT_WARN, "end other programs, or train a small model");

    int64_t limit = machine_memory_limit_bytes();
    if (limit < 0 || limit >= total)
        return;
    struct finding *group =
        finding_add(findings, "memory limit", "%.1f GiB by the control group", in_gib(limit));
    if (limit < 2 * GIB)
        finding_judge(group, VERDICT_WARN,
                      "the job is killed beyond it: ask for more (sbatch --mem, docker --memory)");
}

/* MPI moves messages between a host's ranks through files there. A full one ends a run with
 * SIGBUS instead of a message. */
static void examine_shared_memory(struct findings *findings)
{
    static const char remedy[] =
        "mount -o remount,size=8g /dev/shm; in a container: docker run --shm-size=8g";
    struct statvfs volume;
    if (statvfs("/dev/shm", &volume) != 0) {
        finding_judge(finding_add(findings, "/dev/shm", "absent"), VERDICT_BAD,
                      "mount -t tmpfs tmpfs /dev/shm: ranks of one host talk through it");
        return;
    }
    int64_t block = (int64_t)volume.f_frsize;
    int64_t size = (int64_t)volume.f_blocks * block, available = (int64_t)volume.f_bavail * block;
    struct finding *finding =
        finding_add(findings, "/dev/shm", "%.2f GiB, of which %.2f GiB are free", in_gib(size),
                    in_gib(available));
    if (available < 32 * MIB)
        finding_judge(finding, VERDICT_BAD, "%s", remedy);
    else if (available < 256 * MIB)
        finding_judge(finding, VERDICT_WARN, "%s", remedy);
}

void doctor_examine_memory(struct findings *findings)
{
    examine_main_memory(findings);
    examine_shared_memory(findings);
}
