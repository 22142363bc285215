/* stop_signal: SIGTERM and SIGUSR1 ask the run to save and stop; so does SIGINT.
 *
 * The handler only sets a flag. The loop reads it between steps, on all ranks
 * together, so that a signal to any rank stops all of them at the same step.
 * A second SIGINT ends the program at once.
 */
#ifndef TRAINER_TRAINING_STOP_SIGNAL_H
#define TRAINER_TRAINING_STOP_SIGNAL_H

#include "comm/world.h"

void stop_signal_install(void);

/* Collective. Whether any rank was asked to stop, or has another reason of its own to. */
bool stop_signal_received(const struct world *world, bool other_reason);

#endif
