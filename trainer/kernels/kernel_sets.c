#include <string.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "trainer/kernels/blas.h"
#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/product.h"

struct kernel_set {
    const char *name;
    const char *blas_core; /* the OpenBLAS kernels that belong to the set; NULL: none, or any */
    bool (*runs_here)(void);
    bool is_automatic; /* "auto" may choose it */
    struct kernel_table table;
};

#define LOOPS_OF(set)                                                                              \
    .norm = &LOOP_JOIN(norm, set), .activation = &LOOP_JOIN(activation, set),                      \
    .softmax = &LOOP_JOIN(softmax, set), .vector = &LOOP_JOIN(vector, set),                        \
    .optimizer = &LOOP_JOIN(optimizer, set)

static bool any_cpu(void)
{
    return true;
}

#ifdef __x86_64__
static bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); /* OpenBLAS: both */
}

static bool cpu_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static const struct kernel_set sets[] = {
    { "reference",
      NULL,
      any_cpu,
      true,
      { LOOPS_OF(reference), .product_tile = product_tile_reference } },
    { "openblas",
      NULL,
      any_cpu,
      false,
      { LOOPS_OF(reference), .product_tile = product_tile_blas } },
#ifdef __x86_64__
    { "avx2",
      "Haswell",
      cpu_has_avx2,
      true,
      { LOOPS_OF(avx2), .product_tile = product_tile_blas } },
    { "avx512",
      "SkylakeX",
      cpu_has_avx512,
      true,
      { LOOPS_OF(avx512), .product_tile = product_tile_blas } },
#endif
};
enum { SET_COUNT = sizeof sets / sizeof *sets };

const char *const kernel_set_names[] = {
    "reference", "openblas",
#ifdef __x86_64__
    "avx2",      "avx512",
#endif
    NULL,
};

/* By name, or the best that runs here for "auto"; NULL where there is none. */
static const struct kernel_set *find_set(const char *name)
{
    bool is_auto = strcmp(name, "auto") == 0;
    for (int i = SET_COUNT - 1; i >= 0; i--)
        if (is_auto ? sets[i].is_automatic && sets[i].runs_here() : !strcmp(name, sets[i].name))
            return &sets[i];
    return NULL;
}

bool kernel_set_runs_here(const char *name)
{
    const struct kernel_set *set = find_set(name);
    return set && set->runs_here();
}

const char *kernel_set_blas_core(const char *set_name)
{
    const struct kernel_set *set = find_set(set_name);
    return set && set->runs_here() ? set->blas_core : NULL;
}

static enum status refuse_set(const char *name)
{
    struct strbuf usable = STRBUF_INIT;
    for (int i = 0; i < SET_COUNT; i++)
        if (sets[i].runs_here())
            strbuf_addf(&usable, "%s%s", usable.length ? ", " : "", sets[i].name);
    enum status status =
        bad_input("cannot use kernels '%s': this CPU can run: auto, %s", name, usable.bytes);
    strbuf_release(&usable);
    return status;
}

static void allocate_scratch(struct kernel_scratch *scratch, int threads)
{
    const size_t packing = REFERENCE_PACKING * sizeof(real);
    const size_t scores = (size_t)ATTENTION_QUERIES * ATTENTION_KEYS * sizeof(real);
    const size_t rows = ATTENTION_QUERIES * sizeof(real);
    size_t thread_bytes =
        arena_rounded(packing) + 2 * arena_rounded(scores) + 2 * arena_rounded(rows);
    arena_init(&scratch->arena, thread_bytes * (size_t)threads);
    scratch->threads = memory_alloc_zeroed((size_t)threads, sizeof *scratch->threads);
    for (int i = 0; i < threads; i++) {
        struct kernel_thread *own = &scratch->threads[i];
        own->packing = arena_take(&scratch->arena, packing);
        own->scores = arena_take(&scratch->arena, scores);
        own->score_gradients = arena_take(&scratch->arena, scores);
        own->row_max = arena_take(&scratch->arena, rows);
        own->row_sum = arena_take(&scratch->arena, rows);
    }
}

enum status kernels_open(struct kernels *kernels, const char *name, int threads)
{
    const struct kernel_set *set = find_set(name);
    if (!set || !set->runs_here())
        return refuse_set(name);
    if (threads < 1)
        return bad_input("cannot run kernels in %d threads: need at least 1", threads);
    if (set->blas_core && strcmp(set->blas_core, kernels_blas_core()) != 0)
        log_warning(
            "kernels '%s' want OpenBLAS's '%s', but it runs '%s': bits and speed may differ",
            set->name, set->blas_core, kernels_blas_core());
    blas_use_one_thread();
    struct kernel_scratch *scratch = memory_alloc_zeroed(1, sizeof *scratch);
    allocate_scratch(scratch, threads);
    *kernels = (struct kernels){ .table = &set->table,
                                 .name = set->name,
                                 .pool = thread_pool_create(threads),
                                 .scratch = scratch };
    return STATUS_OK;
}

void kernels_close(struct kernels *kernels)
{
    thread_pool_free(kernels->pool);
    arena_release(&kernels->scratch->arena);
    memory_free(kernels->scratch->threads);
    memory_free(kernels->scratch);
    *kernels = (struct kernels){ 0 };
}
