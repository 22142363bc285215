#include "trainer/reports/energy_meter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

enum { MAX_ZONES = 64 }; /* packages and memories of one node */

struct energy_zone {
    char *energy_path; /* .../energy_uj */
    int64_t range;     /* the counter's largest value, microjoules */
    int64_t last;
};

struct energy_meter {
    struct energy_zone zones[MAX_ZONES];
    int zone_count; /* 0: no counters, or no more */
};

/* sysfs files say size 4096 whatever they hold, so they are read as a stream. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool found = file && fgets(line, size, file);
    if (file)
        fclose(file);
    if (found)
        line[strcspn(line, "\n")] = '\0';
    return found;
}

static bool read_counter(const char *path, int64_t *value)
{
    char line[64];
    int end = 0;
    return read_line(path, line, sizeof line) && sscanf(line, "%" SCNd64 "%n", value, &end) == 1 &&
           line[end] == '\0' && *value >= 0;
}

/* Name of a zone's folder: "intel-rapl:0" is a package, "intel-rapl:0:2" a part of it. */
static bool zone_counts(const char *zone_folder, const char *folder_name)
{
    char *path = path_join(zone_folder, "name"), name[64];
    bool named = read_line(path, name, sizeof name);
    memory_free(path);
    const char *colon = strchr(folder_name, ':');
    bool is_part = colon && strchr(colon + 1, ':');
    if (!named || !colon)
        return false;
    return is_part ? strcmp(name, "dram") == 0 : strncmp(name, "package", 7) == 0;
}

static void add_zone(struct energy_meter *meter, const char *root, const char *folder_name)
{
    char *zone_folder = path_join(root, folder_name);
    char *range_path = path_join(zone_folder, "max_energy_range_uj");
    struct energy_zone zone = { .energy_path = path_join(zone_folder, "energy_uj") };

    if (meter->zone_count < MAX_ZONES && zone_counts(zone_folder, folder_name) &&
        read_counter(range_path, &zone.range) && read_counter(zone.energy_path, &zone.last))
        meter->zones[meter->zone_count++] = zone;
    else
        memory_free(zone.energy_path);
    memory_free(range_path);
    memory_free(zone_folder);
}

struct energy_meter *energy_meter_open(const char *root)
{
    struct energy_meter *meter = memory_alloc_zeroed(1, sizeof *meter);
    struct name_list folders;
    if (folder_list(root, &folders) != STATUS_OK)
        return meter;
    for (int64_t i = 0; i < folders.count; i++)
        if (strncmp(folders.names[i], "intel-rapl:", strlen("intel-rapl:")) == 0) /* AMD's too */
            add_zone(meter, root, folders.names[i]);
    name_list_release(&folders);
    return meter;
}

static void forget_zones(struct energy_meter *meter)
{
    for (int i = 0; i < meter->zone_count; i++)
        memory_free(meter->zones[i].energy_path);
    meter->zone_count = 0;
}

void energy_meter_close(struct energy_meter *meter)
{
    if (!meter)
        return;
    forget_zones(meter);
    memory_free(meter);
}

double energy_meter_take(struct energy_meter *meter)
{
    double microjoules = 0;
    for (int i = 0; i < meter->zone_count; i++) {
        struct energy_zone *zone = &meter->zones[i];
        int64_t now;
        if (!read_counter(zone->energy_path, &now)) {
            forget_zones(meter);
            break;
        }
        microjoules += (double)(now - zone->last) + (now < zone->last ? (double)zone->range : 0);
        zone->last = now;
    }
    return meter->zone_count ? microjoules * 1e-6 : NAN;
}
