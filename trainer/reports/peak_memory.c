#include "trainer/reports/peak_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of the first line "NAME: N kB"; 0 where there is none. */
static int64_t field_bytes(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char line[256];
    int64_t kibibytes = 0;
    size_t length = strlen(name);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0 &&
            sscanf(line + length, ": %" SCNd64 " kB", &kibibytes) == 1)
            break;
    fclose(file);
    return kibibytes * 1024;
}

int64_t peak_memory_bytes(void)
{
    return field_bytes("/proc/self/status", "VmHWM");
}

int64_t peak_memory_share_bytes(void)
{
    static const char maps[] = "/proc/self/smaps_rollup";
    const int64_t resident = field_bytes(maps, "Rss"), share = field_bytes(maps, "Pss");
    return share > 0 && share <= resident ? peak_memory_bytes() - (resident - share) : 0;
}
