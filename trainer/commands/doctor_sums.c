#include "trainer/commands/doctor.h"

#include "base/clock.h"
#include "comm/self_test.h"

void doctor_examine_sums(const struct world *world, struct findings *findings)
{
    world_barrier(world); /* the others waited while this host was looked at */
    const double begun_s = clock_seconds();
    const enum status status = world_self_test(world, NULL);
    const double seconds = clock_seconds() - begun_s;
    if (world->node_rank != 0)
        return;
    if (status == STATUS_OK)
        finding_add(findings, "sums", "right over %d rank%s, known values in %.0f ms", world->size,
                    world->size == 1 ? "" : "s", 1e3 * seconds);
    else
        finding_judge(finding_add(findings, "sums", "%s", status_message()), VERDICT_BAD,
                      "leave out that host, or install another MPI library");
}
