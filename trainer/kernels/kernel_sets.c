#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "trainer/kernels/blas.h"
#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/instruction_sets.h"
#include "trainer/kernels/multiply/multiply.h"

struct kernel_set {
    const char *name;
    const char *blas_core; /* OpenBLAS' kernels for such a CPU, its peer; NULL: any */
    bool (*runs_here)(void);
    void (*use)(struct tile_loops tiles[ELEMENTS]); /* puts what the CPU has in place */
    struct kernel_table table;
};

#ifdef EON_REAL_IS_DOUBLE
#define TILES_OF(set)                                                                              \
    {                                                                                              \
        &LOOP_JOIN(real_tile, set), NULL                                                           \
    }
#else
#define TILES_OF(set)                                                                              \
    {                                                                                              \
        &LOOP_JOIN(real_tile, set), &LOOP_JOIN(bf16_tile, set)                                     \
    }
#endif
#define LOOPS_OF(set)                                                                              \
    .norm = &LOOP_JOIN(norm, set), .activation = &LOOP_JOIN(activation, set),                      \
    .panel = &LOOP_JOIN(panel, set), .softmax = &LOOP_JOIN(softmax, set),                          \
    .loss = &LOOP_JOIN(loss, set), .vector = &LOOP_JOIN(vector, set),                              \
    .optimizer = &LOOP_JOIN(optimizer, set), .tiles = TILES_OF(set)

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

static bool cpu_has_amx(void)
{
    const struct instruction_sets sets = instruction_sets_here();
    return cpu_has_avx512() && sets.avx512_bf16 &&
           (sets.amx == AMX_USABLE || sets.amx == AMX_NO_PALETTE);
}
#endif

static void keep_portable(struct tile_loops tiles[ELEMENTS])
{
    (void)tiles;
}

#ifdef __x86_64__
static void use_avx2(struct tile_loops tiles[ELEMENTS])
{
#ifndef EON_REAL_IS_DOUBLE
    tiles[ELEMENT_REAL].multiply = multiply_real_avx2;
    tiles[ELEMENT_BF16].multiply = multiply_bf16_avx2;
    tiles[ELEMENT_REAL].ceiling = tiles[ELEMENT_BF16].ceiling = ceiling_avx2;
#else
    (void)tiles;
#endif
}

static void use_avx512(struct tile_loops tiles[ELEMENTS])
{
#ifndef EON_REAL_IS_DOUBLE
    const bool dots = instruction_sets_here().avx512_bf16;
    tiles[ELEMENT_REAL].multiply = multiply_real_avx512;
    tiles[ELEMENT_BF16].multiply = dots ? multiply_bf16_avx512_dot : multiply_bf16_avx512;
    tiles[ELEMENT_REAL].ceiling = ceiling_real_avx512;
    tiles[ELEMENT_BF16].ceiling = dots ? ceiling_bf16_avx512_dot : ceiling_bf16_avx512;
#else
    (void)tiles;
#endif
}

static void use_amx(struct tile_loops tiles[ELEMENTS])
{
#ifndef EON_REAL_IS_DOUBLE
    enum { COLUMNS = 32, STRETCH = 96 }; /* a piece of C: see amx_walk.h */
    use_avx512(tiles);
    tiles[ELEMENT_BF16].multiply = multiply_bf16_amx;
    tiles[ELEMENT_BF16].ceiling = ceiling_bf16_amx;
    tiles[ELEMENT_BF16].panel = COLUMNS;
    tiles[ELEMENT_BF16].stretch = STRETCH;
    tiles[ELEMENT_BF16].pack_cost = 150;
    tiles[ELEMENT_BF16].read_cost = 20;
#else
    (void)tiles;
#endif
}
#endif

static const struct kernel_set sets[] = {
    { "reference", NULL, any_cpu, keep_portable, { LOOPS_OF(reference) } },
#ifdef __x86_64__
    { "avx2", "Haswell", cpu_has_avx2, use_avx2, { LOOPS_OF(avx2) } },
    { "avx512", "SkylakeX", cpu_has_avx512, use_avx512, { LOOPS_OF(avx512) } },
    { "amx", "SkylakeX", cpu_has_amx, use_amx, { LOOPS_OF(amx) } },
#endif
};
enum { SET_COUNT = sizeof sets / sizeof *sets };

const char *const kernel_set_names[] = {
    "reference",
#ifdef __x86_64__
    "avx2",      "avx512", "amx",
#endif
    NULL,
};

/* By name, or the best that runs here for "auto"; NULL where there is none. */
static const struct kernel_set *find_set(const char *name)
{
    bool is_auto = strcmp(name, "auto") == 0;
    for (int i = SET_COUNT - 1; i >= 0; i--)
        if (is_auto ? sets[i].runs_here() : !strcmp(name, sets[i].name))
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

/* 9/16 of the second-level cache, where the system tells its size. */
static int64_t left_tiles_that_fit(void)
{
    const int64_t tile_bytes = TILE_UNITS * (int64_t)sizeof(real);
    const int64_t tiles = sysconf(_SC_LEVEL2_CACHE_SIZE) / tile_bytes * 9 / 16;
    return tiles < LEFT_TILES_LEAST  ? LEFT_TILES_LEAST
           : tiles > LEFT_TILES_MOST ? LEFT_TILES_MOST
                                     : tiles;
}

static void allocate_scratch(struct kernels *kernels)
{
    struct kernel_scratch *scratch = kernels->scratch;
    const int threads = thread_pool_size(kernels->pool);
    const size_t right = RIGHT_COLUMNS / TILE_SIDE * RIGHT_TILES * TILE_UNITS * sizeof(real);
    const size_t sums = SUMS_UNITS * sizeof(real), shared = SHARED_UNITS * sizeof(real);
    const size_t own = arena_rounded(right) + 2 * arena_rounded(sums);
    arena_init(&scratch->arena, arena_rounded(shared) + own * (size_t)threads);
    scratch->shared_tiles = arena_take(&scratch->arena, shared);
    scratch->threads = memory_alloc_zeroed((size_t)threads, sizeof *scratch->threads);
    for (int i = 0; i < threads; i++) {
        scratch->threads[i].right_tiles = arena_take(&scratch->arena, right);
        scratch->threads[i].sums = arena_take(&scratch->arena, sums);
        scratch->threads[i].totals = arena_take(&scratch->arena, sums);
    }
    kernel_scratch_reserve_left(kernels, left_tiles_that_fit());
}

/* One arena with room for `bytes` in each thread, of huge pages, in the place of a smaller one. */
static void enlarge(struct arena *arena, size_t bytes, int threads)
{
    const size_t all = arena_rounded(bytes) * (size_t)threads;
    arena_release(arena);
    arena_init(arena, (all + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE);
}

void kernel_scratch_reserve_left(struct kernels *kernels, int64_t tiles)
{
    struct kernel_scratch *scratch = kernels->scratch;
    const int threads = thread_pool_size(kernels->pool);
    const size_t bytes = (size_t)tiles * TILE_UNITS * sizeof(real);
    if (tiles <= scratch->left_tile_count)
        return;
    scratch->left_tile_count = tiles;
    enlarge(&scratch->left_arena, bytes, threads);
    for (int i = 0; i < threads; i++)
        scratch->threads[i].left_tiles = arena_take(&scratch->left_arena, bytes);
}

void kernel_scratch_reserve(struct kernels *kernels, size_t reserved_bytes)
{
    struct kernel_scratch *scratch = kernels->scratch;
    const int threads = thread_pool_size(kernels->pool);
    if (reserved_bytes <= scratch->reserved_bytes)
        return;
    scratch->reserved_bytes = reserved_bytes;
    enlarge(&scratch->reserved_arena, reserved_bytes, threads);
    for (int i = 0; i < threads; i++)
        scratch->threads[i].reserved = arena_take(&scratch->reserved_arena, reserved_bytes);
}

enum status kernels_open(struct kernels *kernels, const char *name, int threads)
{
    const struct kernel_set *set = find_set(name);
    if (!set || !set->runs_here())
        return refuse_set(name);
    if (threads < 1)
        return bad_input("cannot run kernels in %d threads: need at least 1", threads);
    *kernels = (struct kernels){ .table = &set->table,
                                 .name = set->name,
                                 .pool = thread_pool_create(threads),
                                 .scratch = memory_alloc_zeroed(1, sizeof *kernels->scratch) };
    allocate_scratch(kernels);
    for (int i = 0; i < ELEMENTS; i++)
        if (set->table.tiles[i])
            kernels->tiles[i] = *set->table.tiles[i];
    set->use(kernels->tiles);
    return STATUS_OK;
}

void kernels_set_element(struct kernels *kernels, enum element element)
{
    CHECK(kernels->tiles[element].multiply, "this build multiplies no bf16");
    kernels->element = element;
}

size_t kernels_scratch_bytes(const struct kernels *kernels)
{
    return kernels->scratch->arena.capacity + kernels->scratch->left_arena.capacity;
}

void kernels_close(struct kernels *kernels)
{
    thread_pool_free(kernels->pool);
    arena_release(&kernels->scratch->arena);
    arena_release(&kernels->scratch->left_arena);
    arena_release(&kernels->scratch->reserved_arena);
    memory_free(kernels->scratch->threads);
    memory_free(kernels->scratch);
    *kernels = (struct kernels){ 0 };
}
