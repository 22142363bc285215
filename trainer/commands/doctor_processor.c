#include "trainer/commands/doctor.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/kernels/blas.h"
#include "trainer/kernels/ceiling.h"
#include "trainer/kernels/instruction_sets.h"
#include "trainer/reports/processor_name.h"

static int count_numa_domains(void)
{
    int count = 0, number;
    DIR *nodes = opendir("/sys/devices/system/node");
    if (!nodes)
        return 1;
    for (struct dirent *entry; (entry = readdir(nodes)) != NULL;)
        count += sscanf(entry->d_name, "node%d", &number) == 1;
    closedir(nodes);
    return count ? count : 1;
}

static int count_allowed_cores(pid_t process, int otherwise)
{
    cpu_set_t allowed; /* holds 1024 cores; on a larger machine the call fails */
    return sched_getaffinity(process, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed)
                                                                     : otherwise;
}

/* mpirun binds ranks to cores unless told otherwise; it may use more of them itself. */
static bool mpirun_leaves_cores_idle(int ranks, int allowed)
{
    return getenv("OMPI_COMM_WORLD_SIZE") &&
           ranks * allowed < count_allowed_cores(getppid(), allowed);
}

static void examine_cores(const struct world *world, struct findings *findings)
{
    char model[FINDING_TEXT_BYTES / 2];
    processor_name(model, sizeof model);
    int all = (int)sysconf(_SC_NPROCESSORS_ONLN), allowed = count_allowed_cores(0, all);
    int domains = count_numa_domains(), ranks = world->node_size;
    finding_add(findings, "CPU", "%s", model);

    struct finding *cores =
        finding_add(findings, "cores", "%d in %d NUMA domain%s, of which this rank may use %d", all,
                    domains, domains == 1 ? "" : "s", allowed);
    if (ranks > all)
        finding_judge(cores, VERDICT_WARN,
                      "%d ranks share %d cores: start fewer, or set OMPI_MCA_mpi_yield_when_idle=1",
                      ranks, all);
    else if (mpirun_leaves_cores_idle(ranks, allowed))
        finding_judge(
            cores, VERDICT_WARN,
            "mpirun binds, and leaves cores idle: --bind-to none, or --map-by numa --bind-to numa");
}

static void examine_instructions(const struct instruction_sets *sets, struct findings *findings)
{
    static const char *const amx_remarks[] = {
        [AMX_UNSAVED] = "the CPU has AMX, but the system does not save its tiles: a newer kernel, "
                        "or a hypervisor that passes AMX on",
        [AMX_FORBIDDEN] = "the kernel refuses AMX to this process: Linux 5.16 or newer grants it",
        [AMX_BROKEN] =
            "the CPU tells of AMX, but a tile product fails here: the hypervisor's fault",
        [AMX_NO_PALETTE] =
            "the hypervisor hides AMX's tile palette (CPUID leaf 0x1D): eon does not "
            "need it, but oneDNN and PyTorch may crash here",
    };
    struct strbuf names = STRBUF_INIT;
    instruction_sets_print(sets, &names);
    struct finding *instructions =
        finding_add(findings, "instructions", "%s", names.length ? names.bytes : "baseline");
    strbuf_release(&names);
    if (!sets->avx2 || !sets->fma)
        finding_judge(
            instructions, VERDICT_WARN,
            "without AVX2 and FMA only the portable kernels run, at a fraction of the speed");
    else if (sets->amx == AMX_UNSAVED || sets->amx == AMX_FORBIDDEN || sets->amx == AMX_BROKEN)
        finding_judge(instructions, VERDICT_WARN, "%s", amx_remarks[sets->amx]);
    else if (sets->amx == AMX_NO_PALETTE)
        finding_judge(instructions, VERDICT_OK, "%s", amx_remarks[sets->amx]);
}

static void examine_kernel_sets(struct findings *findings)
{
    struct strbuf names = STRBUF_INIT;
    for (int i = 0; kernel_set_names[i]; i++)
        if (kernel_set_runs_here(kernel_set_names[i]))
            strbuf_addf(&names, "%s%s", names.length ? ", " : "", kernel_set_names[i]);
    finding_add(findings, "kernel sets", "%s", names.bytes)->is_shared = true;
    strbuf_release(&names);
}

/* What training runs at: far below two multiply-adds a cycle, other programs have the core. */
static void examine_ceiling(const struct instruction_sets *sets, struct findings *findings)
{
    enum { TRIES = 10 };
    const double far_below = 0.2, below = 0.4;
    struct kernels kernels;
    if (kernels_open(&kernels, "auto", 1) != STATUS_OK)
        return;
    double best[ELEMENTS] = { 0 };
    for (int i = 0; i < TRIES * ELEMENTS; i++) {
        double rate = ceiling_flops_per_second(&kernels, (enum element)(i % ELEMENTS));
        if (rate > best[i % ELEMENTS])
            best[i % ELEMENTS] = rate;
    }
    int flops_per_cycle = instruction_sets_flops_per_cycle(sets);
    double ghz = measure_clock_ghz(), measured = 1e-9 * best[ELEMENT_REAL];
    double share = measured / (ghz * flops_per_cycle);
    struct finding *ceiling = finding_add(
        findings, "kernel ceiling",
        "%s: %.0f GFLOP/s in one thread, %.0f %% of %d a cycle at %.1f GHz; %.0f in "
        "bf16",
        kernels.name, measured, 100 * share, flops_per_cycle, ghz, 1e-9 * best[ELEMENT_BF16]);
    if (share < below)
        finding_judge(ceiling, share < far_below ? VERDICT_BAD : VERDICT_WARN,
                      "far below what the CPU allows: end other programs on these cores");
    kernels_close(&kernels);
}

/* OpenBLAS 0.3.21 takes a CPU that it does not know for one of 2004, and is then eight times slower
 * than it could be: no peer to measure against. */
static void examine_blas(const struct instruction_sets *sets, struct findings *findings)
{
    enum { SIZE = 384, TRIES = 40 }; /* a millisecond each: short enough to go undisturbed */
    const double below = 0.4;
    finding_add(findings, "BLAS", "%s", blas_configuration());

    double measured = blas_measure_gflops(SIZE, TRIES);
    double share = measured / (measure_clock_ghz() * instruction_sets_flops_per_cycle(sets));
    struct finding *speed =
        finding_add(findings, "BLAS speed", "%.0f GFLOP/s in one thread by its kernels for %s",
                    measured, blas_core());
    if (share < below)
        finding_judge(speed, VERDICT_WARN,
                      "far below what the CPU allows: 'eon bench' would compare with a slow peer; "
                      "see that OPENBLAS_CORETYPE is not set, or install a newer OpenBLAS");
}

void doctor_examine_processor(const struct world *world, struct findings *findings)
{
    const struct instruction_sets sets = instruction_sets_here();
    examine_cores(world, findings);
    examine_instructions(&sets, findings);
    examine_kernel_sets(findings);
    examine_ceiling(&sets, findings);
    examine_blas(&sets, findings);
}
