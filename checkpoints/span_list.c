#include "checkpoints/span_list.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/memory.h"

void span_list_init(struct span_list *list)
{
    *list = (struct span_list){ .names = STRBUF_INIT };
}

void span_list_release(struct span_list *list)
{
    strbuf_release(&list->names);
    memory_free(list->spans);
    *list = (struct span_list){ .names = STRBUF_INIT };
}

const char *span_name(const struct span_list *list, const struct span *span)
{
    return list->names.bytes + span->name;
}

static void append(struct span_list *list, const struct span *span)
{
    if (list->count == list->capacity) {
        list->capacity = 2 * list->capacity + 16;
        list->spans = memory_realloc(list->spans, (size_t)list->capacity * sizeof *list->spans);
    }
    list->spans[list->count++] = *span;
}

/* The second one's name must be the first one's, and its begin the other's end. */
static void extend(struct span *span, const struct span *next)
{
    span->crc32 = (uint32_t)crc32_combine(span->crc32, next->crc32, next->end - next->begin);
    span->end = next->end;
}

void span_list_add(struct span_list *list, const char *name, int64_t begin, int64_t end,
                   uint32_t crc32)
{
    struct span *last = list->count ? &list->spans[list->count - 1] : NULL;
    const bool is_same = last && strcmp(span_name(list, last), name) == 0;
    const struct span span = {
        .name = is_same ? last->name : (int64_t)list->names.length,
        .begin = begin,
        .end = end,
        .crc32 = crc32,
    };
    if (is_same && last->end == begin) {
        extend(last, &span);
        return;
    }
    if (!is_same)
        strbuf_add(&list->names, name, strlen(name) + 1);
    append(list, &span);
}

void span_list_gather(struct span_list *list, const struct world *world)
{
    int64_t *name_ends = memory_alloc_zeroed((size_t)world->size, sizeof *name_ends);
    int64_t *span_ends = memory_alloc_zeroed((size_t)world->size, sizeof *span_ends);
    char *names = world_gather(world, list->names.bytes, (int64_t)list->names.length, name_ends);
    struct span *spans =
        world_gather(world, list->spans, list->count * (int64_t)sizeof *spans, span_ends);
    span_list_release(list);
    if (world->rank == 0) {
        strbuf_add(&list->names, names, (size_t)name_ends[world->size - 1]);
        list->spans = spans;
        list->count = list->capacity = span_ends[world->size - 1] / (int64_t)sizeof *spans;
    }
    int64_t i = 0;
    for (int rank = 0; rank < world->size && list->count > 0; rank++)
        for (; i < span_ends[rank] / (int64_t)sizeof *spans; i++)
            list->spans[i].name += rank > 0 ? name_ends[rank - 1] : 0;
    memory_free(names);
    memory_free(name_ends);
    memory_free(span_ends);
}

static int compare(const void *a, const void *b, void *list)
{
    const struct span *left = a, *right = b;
    int order = strcmp(span_name(list, left), span_name(list, right));
    return order ? order : (left->begin > right->begin) - (left->begin < right->begin);
}

void span_list_join(struct span_list *list)
{
    if (list->count == 0)
        return;
    qsort_r(list->spans, (size_t)list->count, sizeof *list->spans, compare, list);
    struct span *last = list->spans;
    for (const struct span *next = last + 1; next < list->spans + list->count; next++) {
        if (last->end == next->begin && strcmp(span_name(list, last), span_name(list, next)) == 0)
            extend(last, next);
        else
            *++last = *next;
    }
    list->count = last - list->spans + 1;
}
