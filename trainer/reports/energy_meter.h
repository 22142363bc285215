/* energy_meter: joules that this node's processors and memory took, where Linux tells.
 *
 * Reads RAPL's counters under /sys/class/powercap (kernel documentation,
 * power/powercap): the zones named "package-*", and their sub-zones named
 * "dram"; other sub-zones are parts of their package, and "psys" holds it.
 * Since 2020 only root may read them (CVE-2020-8694), and virtual machines have
 * none: then the meter reads NaN, as it does from the first failure on.
 *
 * The counters are a whole node's, other users' work included: one rank of a
 * node reads them (node_rank 0), on a node that the job has to itself.
 */
#ifndef TRAINER_REPORTS_ENERGY_METER_H
#define TRAINER_REPORTS_ENERGY_METER_H

#define ENERGY_METER_ROOT "/sys/class/powercap"

struct energy_meter;

/* `root` is ENERGY_METER_ROOT but in tests. Never fails: see energy_meter_take. */
struct energy_meter *energy_meter_open(const char *root);
void energy_meter_close(struct energy_meter *meter); /* NULL is allowed */

/* Joules since the last call, or since the opening; NaN where there are no counters. A counter
 * wraps around (after minutes to hours at full power); once between two calls is allowed for. */
double energy_meter_take(struct energy_meter *meter);

#endif
