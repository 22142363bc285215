#include "trainer/optimizer/moments.h"

enum { NO_SECOND = -1 };

/* Where each tensor's part begins in `second`; returns how many elements that has. */
static int64_t place_second(struct moments *moments, bool (*has_second)(const struct tensor *))
{
    const struct tensor_table *table = moments->table;
    int64_t count = 0;
    for (int64_t i = 0; i < table->tensor_count; i++) {
        struct slice part = moments_part(moments, &table->tensors[i]);
        bool has_one = has_second(&table->tensors[i]);
        moments->second_begins[i] = has_one ? count : NO_SECOND;
        count += has_one ? part.end - part.begin : 0;
    }
    return count;
}

void moments_init(struct moments *moments, const struct tensor_table *table, struct slice slice,
                  bool (*has_second)(const struct tensor *tensor))
{
    *moments = (struct moments){ .table = table, .slice = slice };
    moments->second_begins =
        memory_alloc((size_t)table->tensor_count * sizeof *moments->second_begins);
    size_t first_bytes = (size_t)(slice.end - slice.begin) * sizeof(float);
    size_t second_bytes = (size_t)place_second(moments, has_second) * sizeof(float);
    arena_init(&moments->arena, arena_rounded(first_bytes) + arena_rounded(second_bytes));
    moments->first = arena_take(&moments->arena, first_bytes);
    moments->second = arena_take(&moments->arena, second_bytes);
}

void moments_release(struct moments *moments)
{
    arena_release(&moments->arena);
    memory_free(moments->second_begins);
}

size_t moments_bytes(const struct tensor_table *table, struct slice slice,
                     bool (*has_second)(const struct tensor *tensor))
{
    const struct moments moments = { .table = table, .slice = slice };
    int64_t count = slice.end - slice.begin;
    for (int64_t i = 0; i < table->tensor_count; i++) {
        struct slice part = moments_part(&moments, &table->tensors[i]);
        count += has_second(&table->tensors[i]) ? part.end - part.begin : 0;
    }
    return (size_t)count * sizeof(float);
}

struct slice moments_part(const struct moments *moments, const struct tensor *tensor)
{
    struct slice slice = moments->slice;
    int64_t begin = slice.begin > tensor->offset ? slice.begin - tensor->offset : 0;
    int64_t end = slice.end - tensor->offset;
    if (end > tensor->count)
        end = tensor->count;
    return (struct slice){ begin, end > begin ? end : begin };
}

float *moments_first(const struct moments *moments, int64_t at)
{
    return moments->first + (at - moments->slice.begin);
}

float *moments_second(const struct moments *moments, int64_t index, int64_t at)
{
    const struct tensor *tensor = &moments->table->tensors[index];
    if (moments->second_begins[index] == NO_SECOND)
        return NULL;
    int64_t in_part = at - tensor->offset - moments_part(moments, tensor).begin;
    return moments->second + moments->second_begins[index] + in_part;
}
