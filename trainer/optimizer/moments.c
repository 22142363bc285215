#include "trainer/optimizer/moments.h"

#include "base/memory.h"

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
    int64_t second = place_second(moments, has_second);
    moments->first = memory_alloc_zeroed((size_t)(slice.end - slice.begin), sizeof(float));
    moments->second = memory_alloc_zeroed((size_t)second, sizeof(float));
}

void moments_release(struct moments *moments)
{
    memory_free(moments->first);
    memory_free(moments->second);
    memory_free(moments->second_begins);
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
