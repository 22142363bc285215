#include "checkpoints/checkpoint_compare.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoints/checkpoint_reader.h"

enum { BLOCK = 1 << 18 }; /* floats of each that are held at a time */

const char *const tensor_verdict_names[TENSOR_VERDICT_COUNT] = {
    [TENSOR_SAME] = "same",
    [TENSOR_DIFFERS] = "differs",
    [TENSOR_RESHAPED] = "reshaped",
    [TENSOR_OF_FIRST] = "only in first",
    [TENSOR_OF_SECOND] = "only in second",
};

struct comparer {
    struct checkpoint *first, *second;
    float *first_block, *second_block; /* [BLOCK] */
};

/* While elements are added, `distance` and `root_mean_square` are sums of squares. */
static void add_element(struct tensor_comparison *found, float a, float b)
{
    uint32_t bits_a, bits_b;
    memcpy(&bits_a, &a, sizeof bits_a);
    memcpy(&bits_b, &b, sizeof bits_b);
    const bool differs = bits_a != bits_b;
    found->different += differs;
    if (!isfinite(a) || !isfinite(b)) {
        found->not_finite += differs;
        return;
    }
    const double difference = (double)a - (double)b;
    found->distance += difference * difference;
    found->root_mean_square += (double)a * (double)a;
    if (fabs(difference) > found->largest)
        found->largest = fabs(difference);
}

static enum status read_block(struct checkpoint *checkpoint, const struct tensor_comparison *found,
                              int64_t begin, int64_t end, float *block)
{
    return checkpoint_read(checkpoint, found->name, found->rows, found->cols, begin, end, block);
}

static enum status compare_values(struct comparer *comparer, struct tensor_comparison *found)
{
    for (int64_t begin = 0; begin < found->elements; begin += BLOCK) {
        const int64_t left = found->elements - begin, count = left < BLOCK ? left : BLOCK;
        TRY(read_block(comparer->first, found, begin, begin + count, comparer->first_block));
        TRY(read_block(comparer->second, found, begin, begin + count, comparer->second_block));
        for (int64_t i = 0; i < count; i++)
            add_element(found, comparer->first_block[i], comparer->second_block[i]);
    }
    found->distance = sqrt(found->distance / (double)found->elements);
    found->root_mean_square = sqrt(found->root_mean_square / (double)found->elements);
    found->verdict = found->different > 0 ? TENSOR_DIFFERS : TENSOR_SAME;
    return STATUS_OK;
}

static struct tensor_comparison describe(const struct tensor_entry *tensor,
                                         enum tensor_verdict verdict)
{
    return (struct tensor_comparison){
        .name = tensor->name,
        .verdict = verdict,
        .rows = tensor->rows,
        .cols = tensor->cols,
        .elements = tensor->elements,
    };
}

/* Of one name. */
static enum status compare_pair(struct comparer *comparer, const struct tensor_entry *first,
                                const struct tensor_entry *second, struct tensor_comparison *found)
{
    const bool is_reshaped = first->rows != second->rows || first->cols != second->cols;
    *found = describe(first, is_reshaped ? TENSOR_RESHAPED : TENSOR_SAME);
    return is_reshaped ? STATUS_OK : compare_values(comparer, found);
}

/* Walks over both lists, which are in the order of their names. */
static enum status compare_all(struct comparer *comparer, tensor_comparison_function *tell,
                               void *context)
{
    const struct tensor_index *first = checkpoint_tensors(comparer->first);
    const struct tensor_index *second = checkpoint_tensors(comparer->second);
    for (int64_t i = 0, k = 0; i < first->tensor_count || k < second->tensor_count;) {
        const int order = i == first->tensor_count ? 1
                          : k == second->tensor_count
                              ? -1
                              : strcmp(first->tensors[i].name, second->tensors[k].name);
        struct tensor_comparison found;
        if (order < 0)
            found = describe(&first->tensors[i], TENSOR_OF_FIRST);
        else if (order > 0)
            found = describe(&second->tensors[k], TENSOR_OF_SECOND);
        else
            TRY(compare_pair(comparer, &first->tensors[i], &second->tensors[k], &found));
        tell(context, &found);
        i += order <= 0;
        k += order >= 0;
    }
    return STATUS_OK;
}

enum status checkpoint_compare(struct checkpoint *first, struct checkpoint *second,
                               tensor_comparison_function *tell, void *context)
{
    struct comparer comparer = {
        .first = first,
        .second = second,
        .first_block = memory_alloc(BLOCK * sizeof(float)),
        .second_block = memory_alloc(BLOCK * sizeof(float)),
    };
    enum status status = compare_all(&comparer, tell, context);
    memory_free(comparer.first_block);
    memory_free(comparer.second_block);
    return status;
}
