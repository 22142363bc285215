/* memory: allocation that never returns NULL, counted so that leaks show.
 *
 * Running out of memory is fatal. Sizes that come from outside are checked by
 * the reader that takes them, before they reach these functions.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memory_alloc(size_t bytes);
void *memory_alloc_zeroed(size_t count, size_t bytes_each); /* overflow is fatal */
void *memory_realloc(void *old, size_t bytes);
char *memory_copy_string(const char *text);
void memory_free(void *pointer); /* NULL is allowed */

/* Blocks handed out and not yet returned: zero at a clean exit. */
int64_t memory_live_blocks(void);

/* arena: one large zeroed allocation, handed out in 64-byte aligned pieces and
 * returned whole. For parameters, activations and scratch: big, long-lived,
 * same lifetime. Pieces are never freed singly.
 *
 *   base                                  used          capacity
 *   | piece | pad | piece | pad | piece |  free          |
 */
/* A huge page of x86-64; elsewhere a whole number of pages too. An arena begins at one. */
#define ARENA_PAGE ((size_t)1 << 21)

struct arena {
    unsigned char *base;
    size_t capacity, used;
};

void arena_init(struct arena *arena, size_t capacity_bytes);
void *arena_take(struct arena *arena, size_t bytes); /* beyond the capacity: fatal */
void arena_release(struct arena *arena);

/* Pages change their place: `to` then holds what `from` held, what it held before is lost, and
 * `from` takes no memory until it is touched. All at multiples of ARENA_PAGE from the base of an
 * arena. False: this system cannot (Linux before 5.7), and nothing happened. */
bool arena_move_pages(void *from, void *to, size_t bytes);

/* What arena_take consumes for `bytes`: for planning a capacity. */
size_t arena_rounded(size_t bytes);

#endif
