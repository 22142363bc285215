/* instruction_sets: what this CPU can execute, as far as matrix kernels care.
 *
 * Told by CPUID and by XCR0, that is by the CPU and by the operating system: an
 * instruction whose registers the system does not save cannot be used.
 */
#ifndef TRAINER_KERNELS_INSTRUCTION_SETS_H
#define TRAINER_KERNELS_INSTRUCTION_SETS_H

#include <stdbool.h>

#include "base/strbuf.h"

enum amx_state {
    AMX_ABSENT,
    AMX_UNSAVED,    /* the CPU has it, the operating system or hypervisor does not save its tiles */
    AMX_FORBIDDEN,  /* the kernel refuses the permission (ARCH_REQ_XCOMP_PERM) */
    AMX_BROKEN,     /* allowed by all of these, but a tile product fails or gives another result */
    AMX_NO_PALETTE, /* usable, but the hypervisor hides CPUID leaf 0x1D, which other libraries need
                     */
    AMX_USABLE,
};

struct instruction_sets {
    bool avx2, fma, f16c;
    bool avx512f, avx512bw, avx512dq, avx512vl, avx512_vnni, avx512_bf16, avx512_fp16;
    enum amx_state amx;
};

/* All absent on CPUs that are no x86-64. AMX's permission is asked for, which stays with the
 * process, and then a product is tried: call it first before other threads start. */
struct instruction_sets instruction_sets_here(void);

/* Appends "avx2 fma f16c". */
void instruction_sets_print(const struct instruction_sets *sets, struct strbuf *out);

/* The most float operations that one core can finish in a clock cycle: two multiply-adds of
 * the widest register, which few CPUs exceed and some (one unit, or halves) do not reach. */
int instruction_sets_flops_per_cycle(const struct instruction_sets *sets);

/* Clock of the calling thread's core now, in GHz: additions of which each waits for the one
 * before it, one a cycle on every CPU in question. What a virtual machine says of its clock is not.
 */
double measure_clock_ghz(void);

#endif
