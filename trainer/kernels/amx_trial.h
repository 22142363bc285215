/* amx_trial: whether a multiplication on AMX's tiles gives what it should, on this CPU and under
 * this hypervisor. */
#ifndef TRAINER_KERNELS_AMX_TRIAL_H
#define TRAINER_KERNELS_AMX_TRIAL_H

#include <stdbool.h>

/* Multiplies one tile in the calling thread; false where that is no instruction (SIGILL, whose
 * action is put back after) or gives another result. To be asked for only where CPUID, XCR0 and
 * the permission (ARCH_REQ_XCOMP_PERM) allow AMX. Call it before other threads start, as the
 * action for a signal is the process'. */
bool amx_trial_succeeds(void);

#endif
