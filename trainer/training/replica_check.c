#include "trainer/training/replica_check.h"

#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "comm/groups.h"
#include "comm/slice.h"
#include "trainer/training/trainer.h"

enum { NAMED_RANKS = 4 /* of those that are wrong */ };

/* The stretches of a tensor that one rank owns. */
static void add_pieces(struct replica_check *check, const struct slicing *slicing, int own_rank,
                       const struct tensor *tensor)
{
    const int64_t end = tensor->offset + tensor->count;
    struct slice stretch = { .end = tensor->offset };
    while (stretch.end < end) {
        stretch = slicing_stretch(slicing, stretch.end, end);
        const struct float_part part = { stretch.begin, stretch.end };
        const int owner = slicing_owner(slicing, stretch.begin);
        if (owner == own_rank) {
            check->own_parts[check->own_count] = part;
            check->own_tensors[check->own_count++] = tensor;
        }
        check->parts[check->count] = part;
        check->pieces[check->count++] = (struct replica_piece){ tensor, owner };
    }
}

void replica_check_init(struct replica_check *check, const struct world *world,
                        const struct model *model)
{
    const struct tensor_table *table = &model->table;
    const struct slicing slicing = slicing_of(table->element_count, world->size);
    const size_t own_most = (size_t)(table->tensor_count + slicing.rounds); /* a part cuts one */
    const size_t most = (size_t)(table->tensor_count + slicing.rounds * world->size);
    *check = (struct replica_check){ .world = world, .model = model };
    check->parts = memory_alloc_zeroed(most, sizeof *check->parts);
    check->pieces = memory_alloc_zeroed(most, sizeof *check->pieces);
    check->hashes = memory_alloc_zeroed(most, sizeof *check->hashes);
    check->own_parts = memory_alloc_zeroed(own_most, sizeof *check->own_parts);
    check->own_tensors = memory_alloc_zeroed(own_most, sizeof *check->own_tensors);
    check->own_hashes = memory_alloc_zeroed(own_most, sizeof *check->own_hashes);
    for (int64_t i = 0; i < table->tensor_count; i++)
        add_pieces(check, &slicing, world->rank, &table->tensors[i]);
}

void replica_check_release(struct replica_check *check)
{
    memory_free(check->parts);
    memory_free(check->pieces);
    memory_free(check->hashes);
    memory_free(check->own_parts);
    memory_free(check->own_tensors);
    memory_free(check->own_hashes);
    *check = (struct replica_check){ 0 };
}

bool replica_check_is_due(const struct train_config *config, int64_t step)
{
    return config->check_every > 0 && (step + 1) % config->check_every == 0;
}

static void hash_slice(const struct trainer *trainer, const struct replica_check *check,
                       uint64_t *hashes)
{
    float_hash_parts(trainer->kernels.pool, check->model->parameters, check->own_parts,
                     check->own_count, hashes);
}

void replica_check_keep_slice(struct trainer *trainer, struct replica_check *check, int64_t step)
{
    if (trainer->config->check_every == 0)
        return;
    double begun_s = clock_seconds();
    hash_slice(trainer, check, check->own_hashes);
    check->own_step = step + 1;
    train_profile_add(trainer, STAGE_CHECKING, begun_s);
}

static enum status compare_slice(const struct trainer *trainer, const struct replica_check *check)
{
    int64_t at = 0;
    if (check->own_step == 0)
        return STATUS_OK;
    hash_slice(trainer, check, check->hashes);
    while (at < check->own_count && check->hashes[at] == check->own_hashes[at])
        at++;
    if (at == check->own_count)
        return STATUS_OK;
    return failed("tensor '%s' has changed in the memory of %s since step %lld updated it; "
                  "the checkpoints are as they were",
                  check->own_tensors[at]->name, trainer->world->host, (long long)check->own_step);
}

enum status replica_check_slice(struct trainer *trainer)
{
    if (trainer->config->check_every == 0)
        return STATUS_OK;
    double begun_s = clock_seconds();
    enum status status = STATUS_OK;
    for (int i = 0; i < trainer->check_count && status == STATUS_OK; i++)
        status = compare_slice(trainer, &trainer->checks[i]);
    status = world_agree(trainer->world, status);
    train_profile_add(trainer, STAGE_CHECKING, begun_s);
    return status;
}

/* What all ranks hold: gathered where they differ. */
struct replicas {
    const struct replica_check *check;
    int size;
    uint64_t *hashes; /* [size, count] */
    char (*hosts)[WORLD_HOST_BYTES];
    uint64_t *right; /* [count] */
    int64_t open;    /* the first piece of which nobody can tell what is right; -1: none */
};

static uint64_t hash_of(const struct replicas *replicas, int rank, int64_t piece)
{
    return replicas->hashes[rank * replicas->check->count + piece];
}

/* Boyer and Moore, "MJRTY: a fast majority vote algorithm", 1991. False: there is none. */
static bool find_majority(const struct replicas *replicas, int64_t piece, uint64_t *most)
{
    int lead = 0, votes = 0;
    for (int rank = 0; rank < replicas->size; rank++) {
        const uint64_t hash = hash_of(replicas, rank, piece);
        if (lead == 0)
            *most = hash;
        lead += hash == *most ? 1 : -1;
    }
    for (int rank = 0; rank < replicas->size; rank++)
        votes += hash_of(replicas, rank, piece) == *most;
    return 2 * votes > replicas->size;
}

/* After an update the owner is right, since its slice was checked. Most ranks may be wrong: they
 * hand on what they receive. */
static void judge(struct replicas *replicas)
{
    const struct replica_check *check = replicas->check;
    replicas->open = -1;
    for (int64_t i = 0; i < check->count; i++) {
        const uint64_t owners = hash_of(replicas, check->pieces[i].owner, i);
        const bool is_clear =
            check->own_step > 0 || find_majority(replicas, i, &replicas->right[i]);
        if (check->own_step > 0 || !is_clear)
            replicas->right[i] = owners;
        if (!is_clear && replicas->open < 0)
            replicas->open = i;
    }
}

/* Appends "rank 1 on node07 in tensor 'x' and 2 more" where the rank is wrong. */
static bool name_wrong(const struct replicas *replicas, int rank, struct strbuf *text)
{
    const struct replica_check *check = replicas->check;
    const struct tensor *first = NULL, *last = NULL;
    int more = 0;
    for (int64_t i = 0; i < check->count; i++) {
        const struct tensor *tensor = check->pieces[i].tensor;
        if (hash_of(replicas, rank, i) == replicas->right[i] || tensor == last)
            continue;
        if (!first)
            first = tensor;
        else
            more++;
        last = tensor;
    }
    if (!first)
        return false;
    strbuf_addf(text, "rank %d on %s in tensor '%s'", check->world->first_rank + rank,
                replicas->hosts[rank], first->name);
    if (more > 0)
        strbuf_addf(text, " and %d more", more);
    return true;
}

static enum status tell_wrong(const struct replicas *replicas, int64_t steps)
{
    const struct replica_check *check = replicas->check;
    struct strbuf names = STRBUF_INIT;
    int wrong = 0;
    if (replicas->open < 0)
        strbuf_addf(&names, "parameters after step %lld are wrong on ", (long long)steps);
    else
        strbuf_addf(&names,
                    "parameters after step %lld differ, and nobody can tell which are right: from "
                    "rank %d's on ",
                    (long long)steps,
                    check->world->first_rank + check->pieces[replicas->open].owner);
    for (int rank = 0; rank < replicas->size; rank++) {
        struct strbuf name = STRBUF_INIT;
        if (name_wrong(replicas, rank, &name) && ++wrong <= NAMED_RANKS)
            strbuf_addf(&names, "%s%s", wrong > 1 ? ", " : "", name.bytes);
        strbuf_release(&name);
    }
    if (wrong > NAMED_RANKS)
        strbuf_addf(&names, ", and %d more ranks", wrong - NAMED_RANKS);
    enum status status = STATUS_OK;
    if (wrong > 0)
        status = failed("%s; the checkpoints are as they were", names.bytes);
    strbuf_release(&names);
    return status;
}

static enum status name_differences(const struct trainer *trainer,
                                    const struct replica_check *check)
{
    const struct world *world = check->world;
    const size_t size = (size_t)world->size, count = (size_t)check->count;
    struct replicas replicas = {
        .check = check,
        .size = world->size,
        .hashes = memory_alloc_zeroed(size * count, sizeof(uint64_t)),
        .hosts = memory_alloc_zeroed(size, WORLD_HOST_BYTES),
        .right = memory_alloc_zeroed(count, sizeof(uint64_t)),
    };
    world_gather_all(world, check->hashes, count * sizeof(uint64_t), replicas.hashes);
    world_gather_all(world, world->host, WORLD_HOST_BYTES, replicas.hosts);
    judge(&replicas);
    enum status status = tell_wrong(&replicas, trainer->progress.step);
    memory_free(replicas.hashes);
    memory_free(replicas.hosts);
    memory_free(replicas.right);
    return status;
}

/* One joint hash of each check that several ranks share: of the rank's group, and of the run's
 * parameters, which are the same where one group has all ranks. */
struct joint_hashes {
    uint64_t of_group, of_run;
};

static struct joint_hashes hash_all(const struct trainer *trainer)
{
    struct joint_hashes joint = { 0 };
    for (int i = 0; i < trainer->check_count; i++) {
        const struct replica_check *check = &trainer->checks[i];
        float_hash_parts(trainer->kernels.pool, check->model->parameters, check->parts,
                         check->count, check->hashes);
        joint.of_run = float_hash_join(check->hashes, check->count);
        if (i == 0)
            joint.of_group = joint.of_run;
    }
    return joint;
}

static bool are_same(const struct trainer *trainer, const struct joint_hashes *all)
{
    const int64_t groups = trainer->config->groups;
    const int size = trainer->world->size;
    for (int rank = 0; rank < size; rank++) {
        const int64_t group = groups_of_rank(groups, rank, size).first;
        const int first = groups_first_rank(groups, group, size);
        if (all[rank].of_group != all[first].of_group || all[rank].of_run != all[0].of_run)
            return false;
    }
    return true;
}

/* All ranks come here, also those whose group is right. */
static enum status name_all_differences(const struct trainer *trainer)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < trainer->check_count; i++) {
        enum status found = name_differences(trainer, &trainer->checks[i]);
        status = found == STATUS_OK ? status : found;
    }
    return world_agree(trainer->world, status);
}

/* Ranks of one node that train together share one copy of the parameters, of which each has seen to
 * its slice. */
static bool has_replicas(const struct trainer *trainer)
{
    const struct world *world = trainer->world;
    return world->node_size < world->size || trainer->config->groups > 1;
}

enum status replica_check_replicas(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    if (trainer->config->check_every == 0 || !has_replicas(trainer))
        return STATUS_OK;
    double begun_s = clock_seconds();
    const struct joint_hashes mine = hash_all(trainer);
    struct joint_hashes *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    world_gather_all(world, &mine, sizeof mine, all);
    enum status status = are_same(trainer, all) ? STATUS_OK : name_all_differences(trainer);
    memory_free(all);
    train_profile_add(trainer, STAGE_CHECKING, begun_s);
    return status;
}
