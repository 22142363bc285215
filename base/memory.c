#include "base/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/status.h"

enum { ARENA_ALIGNMENT = 64 }; /* a cache line, and the widest vector */

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

/* Zeroed pages for `bytes`, where a huge page begins; NULL: there are none. */
static unsigned char *map_pages(size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    unsigned char *first =
        mmap(NULL, whole + ARENA_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED)
        return NULL;
    const size_t before = (ARENA_PAGE - (uintptr_t)first % ARENA_PAGE) % ARENA_PAGE;
    if (before)
        munmap(first, before);
    munmap(first + before + whole, ARENA_PAGE - before);
    return first + before;
}

/* Pages come from the kernel one by one, zeroed, at their first use, so they
 * land in the memory of the NUMA node whose thread first writes them; huge
 * pages spare the kernels most misses of the address translation. */
void arena_init(struct arena *arena, size_t capacity_bytes)
{
    *arena = (struct arena){ .capacity = arena_rounded(capacity_bytes) };
    if (!arena->capacity)
        return;
    arena->base = counted(map_pages(arena->capacity), arena->capacity);
    madvise(arena->base, arena->capacity, MADV_HUGEPAGE); /* a wish: kernels without decline */
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

bool arena_move_pages(void *from, void *to, size_t bytes)
{
    if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to)
        return true;
    if (errno != EINVAL) /* what lay at `to` may be gone */
        fatal("cannot move %zu bytes of memory: %s", bytes, strerror(errno));
    return false;
}

size_t arena_rounded(size_t bytes)
{
    CHECK(bytes <= SIZE_MAX - (ARENA_ALIGNMENT - 1), "arena piece of %zu bytes overflows", bytes);
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}
