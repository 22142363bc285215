#include "trainer/commands/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

/* A field of /proc/meminfo in bytes; -1 where it is not told. */
static int64_t meminfo_bytes(const char *field)
{
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file)
        return -1;
    char line[256];
    int64_t bytes = -1;
    size_t length = strlen(field);
    while (bytes < 0 && fgets(line, sizeof line, file)) {
        int64_t kib;
        if (strncmp(line, field, length) == 0 && line[length] == ':' &&
            sscanf(line + length + 1, "%" SCNd64, &kib) == 1)
            bytes = kib * 1024;
    }
    fclose(file);
    return bytes;
}

static int64_t number_in_file(const char *path)
{
    int64_t number = -1;
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    if (fscanf(file, "%" SCNd64, &number) != 1)
        number = -1; /* "max": no limit */
    fclose(file);
    return number;
}

/* Where this process stands in the control groups: the unified hierarchy's line is "0::/path",
 * that of the older memory controller "9:memory:/path". */
static bool read_cgroup(const char *controller, char *path, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (!file)
        return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        char *name = strchr(line, ':'), *place = name ? strchr(name + 1, ':') : NULL;
        if (!place)
            continue;
        *place++ = '\0';
        place[strcspn(place, "\n")] = '\0';
        if (strcmp(name + 1, controller) == 0) {
            snprintf(path, size, "%s", strcmp(place, "/") == 0 ? "" : place);
            found = true;
        }
    }
    fclose(file);
    return found;
}

/* The least limit from this process's group up to the root: each one binds. */
static int64_t least_limit(const char *mount, char *group, const char *file_name)
{
    int64_t least = -1;
    for (;;) {
        char path[1024];
        snprintf(path, sizeof path, "%s%s/%s", mount, group, file_name);
        int64_t limit = number_in_file(path);
        if (limit >= 0 && (least < 0 || limit < least))
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

static int64_t cgroup_limit_bytes(void)
{
    char group[512];
    if (read_cgroup("memory", group, sizeof group))
        return least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
    if (read_cgroup("", group, sizeof group))
        return least_limit("/sys/fs/cgroup", group, "memory.max");
    return -1;
}

static double in_gib(int64_t bytes)
{
    return (double)bytes / (double)GIB;
}

static void examine_main_memory(struct findings *findings)
{
    int64_t total = meminfo_bytes("MemTotal"), available = meminfo_bytes("MemAvailable");
    if (total < 0 || available < 0)
        return;
    struct finding *memory = finding_add(findings, "memory", "%.1f GiB, of which %.1f GiB are free",
                                         in_gib(total), in_gib(available));
    if (available < GIB)
        finding_judge(memory, VERDICT_WARN, "end other programs, or train a small model");

    int64_t limit = cgroup_limit_bytes();
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
