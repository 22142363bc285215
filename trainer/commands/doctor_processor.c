#include "trainer/commands/doctor.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/kernels/instruction_sets.h"
#include "trainer/kernels/kernels.h"

static void read_model_name(char *out, size_t size)
{
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
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
    read_model_name(model, sizeof model);
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
    else if (sets->amx == AMX_UNSAVED || sets->amx == AMX_FORBIDDEN)
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

/* A core type far from the CPU's is what costs most here: OpenBLAS 0.3.21 takes a CPU that it does
 * not know for one of 2004, and is then eight times slower than it could be. */
static void examine_blas(const struct instruction_sets *sets, struct findings *findings)
{
    enum { SIZE = 384, TRIES = 40 }; /* a millisecond each: short enough to go undisturbed */
    const double far_below = 0.25, below = 0.4;
    finding_add(findings, "BLAS", "%s", kernels_blas_configuration())->is_shared = true;
    finding_add(findings, "BLAS kernels", "%s", kernels_blas_core())->is_shared = true;

    int flops_per_cycle = instruction_sets_flops_per_cycle(sets);
    double ghz = measure_clock_ghz(), measured = kernels_measure_blas_gflops(SIZE, TRIES);
    double share = measured / (ghz * flops_per_cycle);
    struct finding *speed = finding_add(
        findings, "BLAS speed", "%.0f GFLOP/s in one thread, %.0f %% of %d a cycle at %.1f GHz",
        measured, 100 * share, flops_per_cycle, ghz);
    if (share < below)
        finding_judge(speed, share < far_below ? VERDICT_BAD : VERDICT_WARN,
                      "far below what the CPU allows: end other programs on these cores, see that "
                      "OPENBLAS_CORETYPE is not set, or install a newer OpenBLAS");
}

void doctor_examine_processor(const struct world *world, struct findings *findings)
{
    const struct instruction_sets sets = instruction_sets_here();
    examine_cores(world, findings);
    examine_instructions(&sets, findings);
    examine_kernel_sets(findings);
    examine_blas(&sets, findings);
}
