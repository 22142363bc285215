#include "trainer/optimizer/muon.h"

#include <math.h>
#include <stdlib.h>

#include "comm/slice.h"

enum { NOT_MUONS = -1 };

bool muon_updates(const struct tensor *tensor)
{
    return tensor->hidden_matrices > 0;
}

/* One of the matrices that lie side by side in the tensor; all have the same shape. */
static struct strided matrix_of(const struct tensor *tensor, int64_t index, float *vector)
{
    int64_t cols = tensor->cols / tensor->hidden_matrices;
    return (struct strided){ vector ? vector + tensor->offset + index * cols : NULL, tensor->rows,
                             cols, tensor->cols };
}

static int64_t tensor_flops(const struct tensor *tensor)
{
    struct strided shape = matrix_of(tensor, 0, NULL);
    return tensor->hidden_matrices * orthogonalise_flops(shape.rows, shape.cols);
}

int64_t muon_flops(const struct tensor_table *table)
{
    int64_t flops = 0;
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (muon_updates(&table->tensors[i]))
            flops += tensor_flops(&table->tensors[i]);
    return flops;
}

struct task {
    int64_t flops, tensor;
};

static int costliest_first(const void *left, const void *right)
{
    const struct task *a = left, *b = right;
    if (a->flops != b->flops)
        return a->flops > b->flops ? -1 : 1;
    return (a->tensor > b->tensor) - (a->tensor < b->tensor);
}

static int64_t list_tasks(const struct tensor_table *table, struct task *tasks)
{
    int64_t count = 0;
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (muon_updates(&table->tensors[i]))
            tasks[count++] = (struct task){ tensor_flops(&table->tensors[i]), i };
    qsort(tasks, (size_t)count, sizeof *tasks, costliest_first);
    return count;
}

static int least_loaded(const int64_t *loads, int world_size)
{
    int least = 0;
    for (int rank = 1; rank < world_size; rank++)
        if (loads[rank] < loads[least])
            least = rank;
    return least;
}

void muon_assign(const struct tensor_table *table, int world_size, int *workers)
{
    struct task *tasks = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *tasks);
    int64_t *loads = memory_alloc_zeroed((size_t)world_size, sizeof *loads);
    for (int64_t i = 0; i < table->tensor_count; i++)
        workers[i] = NOT_MUONS;
    int64_t count = list_tasks(table, tasks);
    for (int64_t i = 0; i < count; i++) {
        int rank = least_loaded(loads, world_size);
        workers[tasks[i].tensor] = rank;
        loads[rank] += tasks[i].flops;
    }
    memory_free(loads);
    memory_free(tasks);
}

/* Tensors are adjacent, so each end of a part of the slices cuts one more loan off. */
static int64_t most_loans(const struct muon *muon)
{
    const struct slicing slicing = slicing_of(muon->table->element_count, muon->world->size);
    return muon->table->tensor_count + slicing.rounds * slicing.size;
}

static void list_loans(struct muon *muon)
{
    const struct tensor_table *table = muon->table;
    muon->loans = memory_alloc_zeroed((size_t)most_loans(muon), sizeof *muon->loans);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        if (muon->workers[i] != NOT_MUONS)
            muon->loan_count += loans_of_range(muon->world, table->element_count, tensor->offset,
                                               tensor->offset + tensor->count, muon->workers[i],
                                               muon->loans + muon->loan_count);
    }
}

/* The matrices that `rank` orthogonalises; the caller frees them. */
static struct strided *shapes_of_rank(const struct tensor_table *table, const int *workers,
                                      int rank, int64_t *count)
{
    struct strided *shapes = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *shapes);
    *count = 0;
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (workers[i] == rank)
            shapes[(*count)++] = matrix_of(&table->tensors[i], 0, NULL);
    return shapes;
}

static void prepare_scratch(struct muon *muon)
{
    int64_t count;
    struct strided *shapes = shapes_of_rank(muon->table, muon->workers, muon->world->rank, &count);
    orthogonaliser_init(&muon->orthogonaliser, shapes, count);
    memory_free(shapes);
}

size_t muon_bytes(const struct tensor_table *table, int rank, int world_size)
{
    int *workers = memory_alloc((size_t)table->tensor_count * sizeof *workers);
    muon_assign(table, world_size, workers);
    int64_t count;
    struct strided *shapes = shapes_of_rank(table, workers, rank, &count);
    size_t bytes = orthogonaliser_bytes(shapes, count);
    memory_free(shapes);
    memory_free(workers);
    return bytes;
}

void muon_init(struct muon *muon, const struct world *world, const struct tensor_table *table)
{
    *muon = (struct muon){ .world = world, .table = table };
    muon->workers = memory_alloc((size_t)table->tensor_count * sizeof *muon->workers);
    muon_assign(table, world->size, muon->workers);
    list_loans(muon);
    prepare_scratch(muon);
}

void muon_release(struct muon *muon)
{
    orthogonaliser_release(&muon->orthogonaliser);
    memory_free(muon->loans);
    memory_free(muon->workers);
}

/* Brings the root mean square of the update to AdamW's: see the header. */
static float update_scale(const struct strided *X)
{
    return 0.2f * (float)sqrt((double)(X->rows > X->cols ? X->rows : X->cols));
}

void muon_orthogonalise(struct muon *muon, struct kernels *kernels, float *directions)
{
    loans_give(muon->world, directions, muon->loans, muon->loan_count);
    for (int64_t i = 0; i < muon->table->tensor_count; i++) {
        const struct tensor *tensor = &muon->table->tensors[i];
        if (muon->workers[i] != muon->world->rank)
            continue;
        for (int64_t index = 0; index < tensor->hidden_matrices; index++) {
            struct strided X = matrix_of(tensor, index, directions);
            orthogonalise(&muon->orthogonaliser, kernels, &X, update_scale(&X));
        }
    }
    loans_return(muon->world, directions, muon->loans, muon->loan_count);
}
