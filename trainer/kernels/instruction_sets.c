#include "trainer/kernels/instruction_sets.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/kernels/amx_trial.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <pthread.h>

#define ARCH_REQ_XCOMP_PERM 0x1023 /* Linux 5.16: Documentation/arch/x86/xstate.rst */
#define XFEATURE_XTILEDATA  18

struct cpuid_registers {
    unsigned a, b, c, d;
};

static struct cpuid_registers cpuid(unsigned leaf, unsigned subleaf)
{
    struct cpuid_registers r = { 0 };
    __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
    return r;
}

/* The registers that the operating system saves (XCR0). */
static uint64_t saved_registers(void)
{
    const unsigned osxsave = 1u << 27;
    if (!(cpuid(1, 0).c & osxsave))
        return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* The palette's leaf is no condition: some hypervisors hide it where AMX works. */
static enum amx_state find_amx(void)
{
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    const uint64_t tiles = UINT64_C(3) << 17;
    const unsigned needed = amx_bf16 | amx_tile;
    if ((cpuid(7, 0).d & needed) != needed)
        return AMX_ABSENT;
    if ((saved_registers() & tiles) != tiles)
        return AMX_UNSAVED;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
        return AMX_FORBIDDEN;
    if (!amx_trial_succeeds())
        return AMX_BROKEN;
    return cpuid(0x1d, 1).a == 0 ? AMX_NO_PALETTE : AMX_USABLE;
}

static enum amx_state amx_found;

static void find_amx_once(void)
{
    amx_found = find_amx();
}

static enum amx_state amx_here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_amx_once);
    return amx_found;
}

/* Bits: Intel 64 and IA-32 Software Developer's Manual, volume 2A, CPUID. */
struct instruction_sets instruction_sets_here(void)
{
    const uint64_t saved = saved_registers();
    const bool ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xe6) == 0xe6;
    const struct cpuid_registers one = cpuid(1, 0), seven = cpuid(7, 0), more = cpuid(7, 1);
    return (struct instruction_sets){
        .fma = ymm && one.c >> 12 & 1,
        .f16c = ymm && one.c >> 29 & 1,
        .avx2 = ymm && seven.b >> 5 & 1,
        .avx512f = zmm && seven.b >> 16 & 1,
        .avx512dq = zmm && seven.b >> 17 & 1,
        .avx512bw = zmm && seven.b >> 30 & 1,
        .avx512vl = zmm && seven.b >> 31 & 1,
        .avx512_vnni = zmm && seven.c >> 11 & 1,
        .avx512_fp16 = zmm && seven.d >> 23 & 1,
        .avx512_bf16 = zmm && more.a >> 5 & 1,
        .amx = amx_here(),
    };
}

#else

struct instruction_sets instruction_sets_here(void)
{
    return (struct instruction_sets){ .amx = AMX_ABSENT };
}

#endif

void instruction_sets_print(const struct instruction_sets *sets, struct strbuf *out)
{
    const struct {
        const char *name;
        bool is_here;
    } rows[] = {
        { "avx2", sets->avx2 },
        { "fma", sets->fma },
        { "f16c", sets->f16c },
        { "avx512f", sets->avx512f },
        { "avx512bw", sets->avx512bw },
        { "avx512dq", sets->avx512dq },
        { "avx512vl", sets->avx512vl },
        { "avx512_vnni", sets->avx512_vnni },
        { "avx512_bf16", sets->avx512_bf16 },
        { "avx512_fp16", sets->avx512_fp16 },
        { "amx_bf16", sets->amx == AMX_USABLE || sets->amx == AMX_NO_PALETTE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].is_here)
            strbuf_addf(out, "%s%s", out->length ? " " : "", rows[i].name);
}

int instruction_sets_flops_per_cycle(const struct instruction_sets *sets)
{
    enum { MULTIPLY_ADDS = 2, FLOPS_EACH = 2 };
    int lanes = sets->avx512f ? 16 : sets->avx2 && sets->fma ? 8 : 4;
    return lanes * MULTIPLY_ADDS * FLOPS_EACH;
}

double measure_clock_ghz(void)
{
    enum { TRIES = 8, ADDITIONS = 1 << 22 };
    double best_s = 0;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        uint64_t sum = 0, addend = 1;
        double start_s = clock_seconds();
        for (int i = 0; i < ADDITIONS / 8; i++) {
            for (int j = 0; j < 8; j++) {
                sum += addend;
                __asm__ volatile("" : "+r"(sum), "+r"(addend)); /* keeps each addition */
            }
        }
        double took_s = clock_seconds() - start_s;
        if (attempt == 0 || took_s < best_s)
            best_s = took_s;
    }
    return 1e-9 * ADDITIONS / best_s;
}
