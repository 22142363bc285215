#include "trainer/training/save_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/direct_file.h"
#include "trainer/training/run_tensors.h"

#define PLAIN_BLOCK ((size_t)4 << 20)

struct save_bench {
    const struct world *world;
    struct thread_pool *pool;
    struct trainer trainer; /* of which what has tensors is filled in */
    struct train_group group;
    struct write_queue *queue;
    char *run, *plain; /* a folder, and a file in it */
    unsigned char *block;
    int64_t bytes, step;
};

/* Values that differ from page to page; no disk compresses them away. */
static void fill(float *values, int64_t count, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) * 0x1p-24f;
    }
}

static void fill_state(struct save_bench *bench)
{
    const struct tensor_table *table = &bench->trainer.model.table;
    struct tensor_moment moments[MOMENTS_MOST];
    const struct world *world = bench->world;
    if (world->node_rank == 0)
        fill(bench->trainer.model.parameters, table->element_count, 1);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        int found = optimizer_tensor_moments(&bench->group.optimizer, i, moments);
        for (int m = 0; m < found; m++) {
            int64_t count = 0;
            for (int64_t range = 0; range < moments[m].range_count; range++)
                count += moments[m].ranges[range].end - moments[m].ranges[range].begin;
            fill(moments[m].values, count, (uint32_t)(world->rank * 1000003 + i * 2 + m));
        }
    }
    node_vector_publish(bench->trainer.parameters);
}

static void open_state(struct save_bench *bench, const struct model_config *model)
{
    struct trainer *trainer = &bench->trainer;
    struct train_group *group = &bench->group;
    const struct optimizer_settings settings = { .kind = OPTIMIZER_ADAMW };
    trainer->world = bench->world;
    model_init_shape(&trainer->model, model);
    trainer->parameters = node_vector_create(bench->world, trainer->model.table.element_count);
    trainer->model.parameters = node_vector_values(trainer->parameters);
    trainer->groups = group;
    trainer->group_count = 1;
    *group = (struct train_group){ .world = bench->world,
                                   .updaters = bench->world,
                                   .model = &trainer->model,
                                   .parameters = trainer->parameters };
    optimizer_init(&group->optimizer, &settings, bench->world, &trainer->model.table);
    bench->bytes = 3 * trainer->model.table.element_count * (int64_t)sizeof(float);
    fill_state(bench);
}

/* Of a name that nobody else has. */
static char *new_run(const struct world *world, const char *folder)
{
    char name[64];
    int64_t number = getpid();
    world_broadcast(world, &number, sizeof number, 0);
    snprintf(name, sizeof name, "eon-bench-checkpoint.%lld", (long long)number);
    return path_join(folder, name);
}

enum status save_bench_open(const struct world *world, struct thread_pool *pool,
                            const struct model_config *model, const char *folder,
                            struct save_bench **out)
{
    struct save_bench *bench = memory_alloc_zeroed(1, sizeof *bench);
    bench->world = world;
    bench->pool = pool;
    bench->run = new_run(world, folder);
    bench->plain = path_join(bench->run, "plain");
    bench->block = aligned_alloc(DIRECT_FILE_ALIGNMENT, PLAIN_BLOCK);
    CHECK(bench->block, "no memory for a block of %zu bytes", PLAIN_BLOCK);
    fill((float *)(void *)bench->block, PLAIN_BLOCK / sizeof(float), 7);
    open_state(bench, model);
    bench->queue = write_queue_start((size_t)bench->bytes + ((size_t)64 << 20));
    *out = bench;
    return world_agree(world, world->rank == 0 ? folder_create(bench->run) : STATUS_OK);
}

void save_bench_close(struct save_bench *bench)
{
    if (!bench)
        return;
    write_queue_stop(bench->queue);
    if (bench->world->rank == 0)
        folder_remove(bench->run);
    optimizer_release(&bench->group.optimizer);
    node_vector_free(bench->trainer.parameters);
    model_release(&bench->trainer.model);
    free(bench->block);
    memory_free(bench->run);
    memory_free(bench->plain);
    memory_free(bench);
}

int64_t save_bench_bytes(const struct save_bench *bench)
{
    return bench->bytes;
}

static enum status write_blocks(const struct save_bench *bench, int descriptor)
{
    for (int64_t left = bench->bytes; left > 0;) {
        const size_t length = left < (int64_t)PLAIN_BLOCK ? (size_t)left : PLAIN_BLOCK;
        if (length % DIRECT_FILE_ALIGNMENT != 0)
            fcntl(descriptor, F_SETFL, 0); /* the end of the file */
        TRY(file_write_all(descriptor, bench->block, length, bench->plain));
        left -= (int64_t)length;
    }
    return fsync(descriptor) == 0
               ? STATUS_OK
               : failed("cannot write '%s' to the disk: %s", bench->plain, strerror(errno));
}

/* By rank 0. *seconds stays 0 where the file system cannot. */
static enum status write_plain(const struct save_bench *bench, int flags, double *seconds)
{
    const double begun_s = clock_seconds();
    int descriptor = open(bench->plain, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0666);
    if (descriptor < 0 && errno == EINVAL && flags != 0)
        return STATUS_OK;
    if (descriptor < 0)
        return failed("cannot create '%s': %s", bench->plain, strerror(errno));
    enum status status = write_blocks(bench, descriptor);
    close(descriptor);
    *seconds = clock_seconds() - begun_s;
    unlink(bench->plain);
    return status;
}

static enum status save(struct save_bench *bench, double *seconds)
{
    static const char state[] = "{ \"digested\": {} }\n";
    const struct checkpoint_way way = { .queue = bench->queue,
                                        .pool = bench->pool,
                                        .retention = { .last = 1 } };
    struct checkpoint_writer *writer;
    const double begun_s = clock_seconds();
    TRY(checkpoint_writer_begin(bench->world, &way, bench->run, ++bench->step, &writer));
    run_tensors_write(&bench->trainer, writer);
    if (bench->world->rank == 0)
        checkpoint_writer_add_text(writer, CHECKPOINT_STATE_NAME, state, sizeof state - 1);
    checkpoint_writer_seal(writer);
    seconds[SAVE_TAKING] = clock_seconds() - begun_s;
    enum status status = checkpoint_writer_commit(writer);
    seconds[SAVE_COMMIT] = clock_seconds() - begun_s;
    return status;
}

/* A file of the checkpoint: read to its end, or dropped from the page cache. */
static enum status visit_file(const struct save_bench *bench, const char *path, bool reads)
{
    int descriptor;
    int64_t size_bytes;
    TRY(file_open_regular(path, &descriptor, &size_bytes));
    enum status status = STATUS_OK;
    if (!reads)
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    for (int64_t at = 0; reads && status == STATUS_OK && at < size_bytes;) {
        const int64_t left = size_bytes - at;
        const size_t length = left < (int64_t)PLAIN_BLOCK ? (size_t)left : PLAIN_BLOCK;
        status = file_read_at(descriptor, bench->block, length, at, path);
        at += (int64_t)length;
    }
    close(descriptor);
    return status;
}

static enum status visit_files(const struct save_bench *bench, const char *folder, bool reads)
{
    struct name_list names;
    TRY(folder_list(folder, &names));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++) {
        char *path = path_join(folder, names.names[i]);
        status = visit_file(bench, path, reads);
        memory_free(path);
    }
    name_list_release(&names);
    return status;
}

static enum status load_tensors(void *context, struct checkpoint *checkpoint)
{
    const struct save_bench *bench = context;
    enum status status = run_tensors_read(&bench->trainer, checkpoint);
    node_vector_publish(bench->trainer.parameters);
    return status;
}

static enum status load(struct save_bench *bench, double *seconds)
{
    struct checkpoint *checkpoint = NULL;
    const double begun_s = clock_seconds();
    TRY(checkpoint_find(bench->world, bench->run, bench->step, load_tensors, bench, &checkpoint));
    seconds[SAVE_LOAD] = clock_seconds() - begun_s;
    checkpoint_close(checkpoint);
    return STATUS_OK;
}

static enum status write_all_plain(const struct save_bench *bench, double *seconds)
{
    TRY(write_plain(bench, 0, &seconds[SAVE_PLAIN_CACHED]));
    return write_plain(bench, O_DIRECT, &seconds[SAVE_PLAIN_DIRECT]);
}

static enum status read_plain(const struct save_bench *bench, const char *folder, double *seconds)
{
    TRY(visit_files(bench, folder, false));
    const double begun_s = clock_seconds();
    TRY(visit_files(bench, folder, true));
    seconds[SAVE_PLAIN_READ] = clock_seconds() - begun_s;
    return visit_files(bench, folder, false);
}

static void take_slowest(const struct world *world, double seconds[SAVE_TIMES])
{
    double *all = memory_alloc((size_t)world->size * SAVE_TIMES * sizeof *all);
    world_gather_all(world, seconds, SAVE_TIMES * sizeof *seconds, all);
    for (int i = 0; i < world->size * SAVE_TIMES; i++)
        if (all[i] > seconds[i % SAVE_TIMES])
            seconds[i % SAVE_TIMES] = all[i];
    memory_free(all);
}

enum status save_bench_round(struct save_bench *bench, double seconds[SAVE_TIMES])
{
    const bool is_first = bench->world->rank == 0;
    memset(seconds, 0, SAVE_TIMES * sizeof *seconds);
    TRY(world_agree(bench->world, is_first ? write_all_plain(bench, seconds) : STATUS_OK));
    TRY(save(bench, seconds));
    char *folder = checkpoint_folder_path(bench->run, bench->step, CHECKPOINT_COMMITTED);
    enum status status =
        world_agree(bench->world, is_first ? read_plain(bench, folder, seconds) : STATUS_OK);
    memory_free(folder);
    TRY(status);
    TRY(load(bench, seconds));
    take_slowest(bench->world, seconds);
    return STATUS_OK;
}
