#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/status.h"

enum { ARENA_ALIGNMENT = 64 }; /* a cache line, and the widest vector */
enum { HUGE_PAGE = 1 << 21 };  /* of x86-64; elsewhere a whole number of pages too */

static atomic_int_fast64_t live_blocks;

static void *counted(void *pointer, size_t bytes)
{
    CHECK(pointer, "out of memory: cannot allocate %zu bytes", bytes);
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    return pointer;
}

void *memory_alloc(size_t bytes)
{
    return counted(malloc(bytes ? bytes : 1), bytes);
}

void *memory_alloc_zeroed(size_t count, size_t bytes_each)
{
    size_t bytes;
    CHECK(!__builtin_mul_overflow(count, bytes_each, &bytes),
          "out of memory: %zu times %zu bytes overflow", count, bytes_each);
    return counted(calloc(bytes ? bytes : 1, 1), bytes);
}

void *memory_realloc(void *old, size_t bytes)
{
    if (!old)
        return memory_alloc(bytes);
    void *pointer = realloc(old, bytes ? bytes : 1);
    CHECK(pointer, "out of memory: cannot grow a block to %zu bytes", bytes);
    return pointer;
}

char *memory_copy_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(memory_alloc(bytes), text, bytes);
}

void memory_free(void *pointer)
{
    if (!pointer)
        return;
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    free(pointer);
}

int64_t memory_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

/* Pages come from the kernel one by one, zeroed, at their first use, so they
 * land in the memory of the NUMA node whose thread first writes them; huge
 * pages spare the kernels most misses of the address translation. */
void arena_init(struct arena *arena, size_t capacity_bytes)
{
    *arena = (struct arena){ .capacity = arena_rounded(capacity_bytes) };
    if (!arena->capacity)
        return;
    void *base =
        mmap(NULL, arena->capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    arena->base = counted(base == MAP_FAILED ? NULL : base, arena->capacity);
    madvise(base, arena->capacity, MADV_HUGEPAGE); /* a wish: kernels without them decline */
}

void *arena_take(struct arena *arena, size_t bytes)
{
    size_t rounded = arena_rounded(bytes);
    CHECK(rounded <= arena->capacity - arena->used,
          "arena of %zu bytes is too small: %zu used, %zu more wanted", arena->capacity,
          arena->used, rounded);
    void *piece = arena->base + arena->used;
    arena->used += rounded;
    return piece;
}

void arena_release(struct arena *arena)
{
    if (arena->base) {
        munmap(arena->base, arena->capacity);
        atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    }
    *arena = (struct arena){ 0 };
}

/* How many bytes went back, and from where on: none where memory is locked. */
static size_t give_back(unsigned char *begin, size_t bytes, unsigned char **from)
{
    const size_t skipped = (HUGE_PAGE - (uintptr_t)begin % HUGE_PAGE) % HUGE_PAGE;
    *from = begin;
    if (bytes < skipped + HUGE_PAGE)
        return 0;
    const size_t whole = (bytes - skipped) / HUGE_PAGE * HUGE_PAGE;
    if (madvise(begin + skipped, whole, MADV_DONTNEED) != 0)
        return 0;
    *from = begin + skipped;
    return whole;
}

void arena_give_back(void *begin, size_t bytes)
{
    unsigned char *from;
    give_back(begin, bytes, &from);
}

void arena_clear(void *begin, size_t bytes)
{
    unsigned char *first = begin, *from;
    const size_t given = give_back(first, bytes, &from);
    const size_t before = (size_t)(from - first);
    memset(first, 0, before);
    memset(from + given, 0, bytes - before - given);
}

size_t arena_rounded(size_t bytes)
{
    CHECK(bytes <= SIZE_MAX - (ARENA_ALIGNMENT - 1), "arena piece of %zu bytes overflows", bytes);
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}
