#include "trainer/optimizer/moments.h"

/* How many elements of the tensor the rank owns. */
static int64_t owned_count(const struct slicing *slicing, int rank, const struct tensor *tensor)
{
    return slicing_below(slicing, rank, tensor->offset + tensor->count) -
           slicing_below(slicing, rank, tensor->offset);
}

static int64_t second_count(const struct tensor_table *table, const struct slicing *slicing,
                            int rank, bool (*has_second)(const struct tensor *))
{
    int64_t count = 0;
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (has_second(&table->tensors[i]))
            count += owned_count(slicing, rank, &table->tensors[i]);
    return count;
}

/* Lists the stretches of a tensor that the rank owns; returns how many. */
static int64_t list_ranges(const struct moments *moments, const struct tensor *tensor,
                           struct slice *ranges)
{
    const int64_t end = tensor->offset + tensor->count;
    struct slice stretch = { .end = tensor->offset };
    int64_t listed = 0;
    while (stretch.end < end) {
        stretch = slicing_stretch(&moments->slicing, stretch.end, end);
        if (slicing_owner(&moments->slicing, stretch.begin) == moments->rank)
            ranges[listed++] =
                (struct slice){ stretch.begin - tensor->offset, stretch.end - tensor->offset };
    }
    return listed;
}

/* The ranges of all tensors: each end of a part cuts one more. */
static void share_out(struct moments *moments, float *first, float *second,
                      bool (*has_second)(const struct tensor *))
{
    const struct tensor_table *table = moments->table;
    const size_t most = (size_t)(table->tensor_count + moments->slicing.rounds);
    struct slice *ranges = moments->ranges = memory_alloc_zeroed(most, sizeof *ranges);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        const int64_t count = owned_count(&moments->slicing, moments->rank, tensor);
        struct tensor_share *share = &moments->shares[i];
        *share = (struct tensor_share){ ranges, list_ranges(moments, tensor, ranges), first,
                                        has_second(tensor) ? second : NULL };
        ranges += share->range_count;
        first += count;
        second += share->second ? count : 0;
    }
}

void moments_init(struct moments *moments, const struct tensor_table *table,
                  const struct slicing *slicing, int rank,
                  bool (*has_second)(const struct tensor *tensor))
{
    *moments = (struct moments){ .table = table, .slicing = *slicing, .rank = rank };
    moments->shares = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *moments->shares);
    const size_t first_bytes = (size_t)slicing_length(slicing, rank) * sizeof(float);
    const size_t second_bytes =
        (size_t)second_count(table, slicing, rank, has_second) * sizeof(float);
    arena_init(&moments->arena, arena_rounded(first_bytes) + arena_rounded(second_bytes));
    float *first = arena_take(&moments->arena, first_bytes);
    share_out(moments, first, arena_take(&moments->arena, second_bytes), has_second);
}

void moments_release(struct moments *moments)
{
    arena_release(&moments->arena);
    memory_free(moments->ranges);
    memory_free(moments->shares);
}

size_t moments_bytes(const struct tensor_table *table, const struct slicing *slicing, int rank,
                     bool (*has_second)(const struct tensor *tensor))
{
    const int64_t count =
        slicing_length(slicing, rank) + second_count(table, slicing, rank, has_second);
    return (size_t)count * sizeof(float);
}

/* How many elements of the tensor that the rank owns come before element `at`. */
static int64_t place_in_share(const struct moments *moments, int64_t index, int64_t at)
{
    const int64_t offset = moments->table->tensors[index].offset;
    return slicing_below(&moments->slicing, moments->rank, at) -
           slicing_below(&moments->slicing, moments->rank, offset);
}

float *moments_first(const struct moments *moments, int64_t index, int64_t at)
{
    return moments->shares[index].first + place_in_share(moments, index, at);
}

float *moments_second(const struct moments *moments, int64_t index, int64_t at)
{
    float *second = moments->shares[index].second;
    return second ? second + place_in_share(moments, index, at) : NULL;
}
