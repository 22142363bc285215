#include "trainer/training/leaf_check.h"

#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "comm/groups.h"
#include "trainer/training/train_leaf.h"

enum { NAMED_PAIRS = 3 };

static void list_tensors(struct leaf_check *check)
{
    const struct tensor_table *table = check->table;
    check->parts = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *check->parts);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        check->parts[i] = (struct float_part){ tensor->offset, tensor->offset + tensor->count };
    }
}

static void list_workers(struct leaf_check *check, const struct world *world,
                         const struct train_config *config)
{
    check->workers = memory_alloc_zeroed((size_t)world->size, sizeof *check->workers);
    for (int rank = 0; rank < world->size; rank++) {
        const int64_t group = groups_of_rank(config->groups, rank, world->size).first;
        const struct leaf_range range = train_group_leaves(config, group, rank, world->size);
        if (range.first == range.end)
            continue;
        if (rank == world->rank)
            check->place = check->worker_count;
        check->workers[check->worker_count++] =
            (struct leaf_worker){ .rank = rank, .group = group, .leaf = range.first };
    }
    for (int place = 0; place < check->worker_count; place++) {
        struct leaf_worker *worker = &check->workers[place];
        while (check->workers[worker->first].group < worker->group)
            worker->first++;
        for (worker->end = place + 1; worker->end < check->worker_count; worker->end++)
            if (check->workers[worker->end].group > worker->group)
                break;
    }
}

void leaf_check_init(struct leaf_check *check, const struct world *world,
                     const struct train_config *config, const struct tensor_table *table)
{
    *check = (struct leaf_check){ .place = -1, .table = table, .count = table->tensor_count + 1 };
    list_tensors(check);
    list_workers(check, world, config);
    check->own = memory_alloc_zeroed((size_t)check->count, sizeof *check->own);
    check->again = memory_alloc_zeroed((size_t)check->count, sizeof *check->again);
}

void leaf_check_release(struct leaf_check *check)
{
    memory_free(check->workers);
    memory_free(check->parts);
    memory_free(check->own);
    memory_free(check->again);
}

/* The one whose leaf the worker in `place` computes again. */
static const struct leaf_worker *looked_at(const struct trainer *trainer, int64_t step, int place)
{
    const struct leaf_check *check = &trainer->leaf_check;
    const struct leaf_worker *worker = &check->workers[place];
    const int64_t number = (step + 1) / trainer->config->check_every - 1;
    const int count = worker->end - worker->first;
    if (count == 1)
        return worker;
    const int64_t ahead = 1 + number % (count - 1);
    return &check->workers[worker->first + (place - worker->first + ahead) % count];
}

static void hash_leaf(const struct trainer *trainer, const float *gradient, double loss,
                      uint64_t *hashes)
{
    const struct leaf_check *check = &trainer->leaf_check;
    float_hash_parts(trainer->kernels.pool, gradient, check->parts, check->count - 1, hashes);
    memcpy(&hashes[check->count - 1], &loss, sizeof loss);
}

enum status leaf_check_compute_again(struct trainer *trainer, int64_t step)
{
    struct leaf_check *check = &trainer->leaf_check;
    check->flops = 0;
    if (check->place < 0)
        return STATUS_OK;
    double begun_s = clock_seconds();
    struct kernel_profile before[KERNELS];
    memcpy(before, trainer->kernels.profile, sizeof before);
    const struct leaf_tokens *read;
    const int64_t leaf = looked_at(trainer, step, check->place)->leaf;
    TRY(batch_stream_fetch(trainer->batches, step, leaf, &read));

    double values[LEAF_VALUES] = { 0 };
    struct train_group *group = &trainer->groups[0];
    float *gradient = gradient_tree_sum(group->gradients);
    train_leaf(trainer, group, read, gradient, values);
    hash_leaf(trainer, gradient, values[LEAF_LOSS], check->again);
    activations_take_back(trainer->activations, gradient);
    check->flops = values[LEAF_FLOPS];
    train_profile_add_with_kernels(trainer, STAGE_CHECKING, begun_s, before);
    return STATUS_OK;
}

void leaf_check_keep_own(struct trainer *trainer, const float *gradient, double loss)
{
    double begun_s = clock_seconds();
    hash_leaf(trainer, gradient, loss, trainer->leaf_check.own);
    train_profile_add(trainer, STAGE_CHECKING, begun_s);
}

/* Of each rank. */
struct leaf_record {
    char host[WORLD_HOST_BYTES];
    uint64_t own, again;
    double flops;
};

/* Where worker `place` found another result than the leaf's owner, in [0, worker_count). */
struct difference {
    int by, of; /* ranks */
    int64_t leaf;
};

static int list_differences(const struct trainer *trainer, int64_t step,
                            const struct leaf_record *records, struct difference *list)
{
    const struct leaf_check *check = &trainer->leaf_check;
    int count = 0;
    for (int place = 0; place < check->worker_count; place++) {
        const struct leaf_worker *by = &check->workers[place];
        const struct leaf_worker *of = looked_at(trainer, step, place);
        if (records[by->rank].again != records[of->rank].own)
            list[count++] = (struct difference){ by->rank, of->rank, of->leaf };
    }
    return count;
}

/* The one rank that all of several differences have in common; -1: there is none, or two. */
static int find_culprit(const struct difference *list, int count)
{
    const int candidates[2] = { list[0].by, list[0].of };
    int culprit = -1, found = 0;
    for (int i = 0; i < 2 && candidates[0] != candidates[1]; i++) {
        int in = 0;
        for (int j = 0; j < count; j++)
            in += list[j].by == candidates[i] || list[j].of == candidates[i];
        if (count > 1 && in == count) {
            culprit = candidates[i];
            found++;
        }
    }
    return found == 1 ? culprit : -1;
}

static const char *first_name(const struct trainer *trainer, const uint64_t *again,
                              const uint64_t *own)
{
    const struct tensor_table *table = trainer->leaf_check.table;
    int64_t at = 0;
    while (at < table->tensor_count && again[at] == own[at])
        at++;
    return at < table->tensor_count ? table->tensors[at].name : "the loss";
}

static enum status name_differences(const struct trainer *trainer, int64_t step,
                                    const struct leaf_record *records,
                                    const struct difference *list, int count)
{
    const struct world *world = trainer->world;
    const struct leaf_check *check = &trainer->leaf_check;
    const size_t bytes = (size_t)check->count * sizeof(uint64_t);
    uint64_t *own = memory_alloc_zeroed((size_t)world->size, bytes);
    uint64_t *again = memory_alloc_zeroed((size_t)world->size, bytes);
    world_gather_all(world, check->own, bytes, own);
    world_gather_all(world, check->again, bytes, again);

    struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < count && i < NAMED_PAIRS; i++)
        strbuf_addf(&text, "%srank %d on %s and rank %d on %s at leaf %lld in '%s'",
                    i > 0 ? ", " : "", list[i].of, records[list[i].of].host, list[i].by,
                    records[list[i].by].host, (long long)list[i].leaf,
                    first_name(trainer, again + list[i].by * check->count,
                               own + list[i].of * check->count));
    if (count > NAMED_PAIRS)
        strbuf_addf(&text, ", and %d more pairs", count - NAMED_PAIRS);
    const int culprit = find_culprit(list, count);
    if (culprit >= 0)
        strbuf_addf(&text, "; rank %d on %s is in all of them", culprit, records[culprit].host);
    enum status status = failed("the same leaf has two gradients in step %lld: %s; the checkpoints "
                                "are as they were",
                                (long long)step + 1, text.bytes);
    strbuf_release(&text);
    memory_free(own);
    memory_free(again);
    return status;
}

enum status leaf_check_compare(struct trainer *trainer, int64_t step, double *flops)
{
    const struct world *world = trainer->world;
    const struct leaf_check *check = &trainer->leaf_check;
    double begun_s = clock_seconds();
    struct leaf_record mine = { .own = float_hash_join(check->own, check->count),
                                .again = float_hash_join(check->again, check->count),
                                .flops = check->flops };
    memcpy(mine.host, world->host, sizeof mine.host);
    struct leaf_record *records = memory_alloc_zeroed((size_t)world->size, sizeof *records);
    world_gather_all(world, &mine, sizeof mine, records);
    *flops = 0;
    for (int rank = 0; rank < world->size; rank++)
        *flops += records[rank].flops;

    struct difference *list = memory_alloc_zeroed((size_t)world->size, sizeof *list);
    const int count = list_differences(trainer, step, records, list);
    enum status status =
        count == 0 ? STATUS_OK : name_differences(trainer, step, records, list, count);
    memory_free(list);
    memory_free(records);
    train_profile_add(trainer, STAGE_CHECKING, begun_s);
    return status;
}
