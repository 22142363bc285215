#include "trainer/reports/machine_memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int64_t machine_memory_bytes(const char *field)
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

int64_t machine_memory_limit_bytes(void)
{
    char group[512];
    if (read_cgroup("memory", group, sizeof group))
        return least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
    if (read_cgroup("", group, sizeof group))
        return least_limit("/sys/fs/cgroup", group, "memory.max");
    return -1;
}
