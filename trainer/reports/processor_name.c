#include "trainer/reports/processor_name.h"

#include <stdio.h>
#include <string.h>

void processor_name(char *out, size_t size)
{
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        const char *name = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !name)
            continue;
        snprintf(out, size, "%s", name + 1 + strspn(name + 1, " "));
        out[strcspn(out, "\n")] = '\0';
        break;
    }
    fclose(file);
}
