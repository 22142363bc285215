/* doctor: the examinations of `eon doctor`. Each adds its findings; none changes the machine. All
 * are local but that of the sums. */
#ifndef TRAINER_COMMANDS_DOCTOR_H
#define TRAINER_COMMANDS_DOCTOR_H

#include "comm/world.h"
#include "trainer/commands/finding.h"

void doctor_examine_libraries(const struct world *world, struct findings *findings);
void doctor_examine_processor(const struct world *world, struct findings *findings);
void doctor_examine_memory(struct findings *findings);
void doctor_examine_limits(struct findings *findings);
/* Collective. Each host's first rank adds the finding. */
void doctor_examine_sums(const struct world *world, struct findings *findings);

#endif
