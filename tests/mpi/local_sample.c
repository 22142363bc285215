#include "tests/mpi/local_sample.h"

#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/local_tier.h"
#include "comm/topology.h"
#include "tests/unit/checkpoint_sample.h"

struct local_sample local_sample;

const struct checkpoint_way local_sample_way = { .is_local = true };

int local_sample_nodes(void)
{
    return local_sample.world.topology->nodes;
}

bool local_sample_is_first(int node)
{
    return local_sample.world.topology->node == node && local_sample.world.node_rank == 0;
}

void local_sample_open(enum node_layout layout)
{
    char local[600];
    local_sample.world = node_layout_open(layout);
    snprintf(local_sample.world.host, sizeof local_sample.world.host, "node%d",
             local_sample.world.topology->node);
    if (local_sample.world.rank == 0) {
        char *made = sample_new_run();
        snprintf(local_sample.run, sizeof local_sample.run, "%s", made);
        memory_free(made);
    }
    world_broadcast(&local_sample.world, local_sample.run, sizeof local_sample.run, 0);
    snprintf(local, sizeof local, "%s/nodes/%%h/local", local_sample.run);
    if (local_tier_open(&local_sample.world, local, local_sample.run, &local_sample.local) !=
        STATUS_OK)
        fail_msg("%s", status_message());
}

void local_sample_close(void)
{
    world_barrier(&local_sample.world);
    if (local_sample.world.rank == 0)
        assert_int_equal(folder_remove(local_sample.run), STATUS_OK);
    world_barrier(&local_sample.world);
    memory_free(local_sample.local);
    node_layout_close(&local_sample.world);
}

void local_sample_save_so(const struct checkpoint_way *way, int64_t step)
{
    struct checkpoint_writer *writer;
    enum status status =
        checkpoint_writer_begin(&local_sample.world, way, local_sample.local, step, &writer);
    if (status == STATUS_OK) {
        sample_add(writer, &local_sample.world, step, local_sample.world.node_rank == 0);
        status = checkpoint_writer_commit(writer);
    }
    if (status != STATUS_OK)
        fail_msg("%s", status_message());
}

void local_sample_save(int64_t step)
{
    local_sample_save_so(&local_sample_way, step);
}

void local_sample_lose(int node, int64_t step)
{
    char *path = checkpoint_folder_path(local_sample.local, step, CHECKPOINT_COMMITTED);
    if (local_sample_is_first(node))
        assert_int_equal(folder_remove(path), STATUS_OK);
    world_barrier(&local_sample.world);
    memory_free(path);
}

void local_sample_expect(int64_t asked, int64_t expected)
{
    struct checkpoint *checkpoint;
    char hex[SHA256_HEX];
    if (local_tier_restore(&local_sample.world, local_sample.local, local_sample.run, asked) !=
        STATUS_OK)
        fail_msg("%s", status_message());
    if (checkpoint_find(&local_sample.world, local_sample.run, -1, sample_verify,
                        &local_sample.world, &checkpoint) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_int_equal(checkpoint ? checkpoint_step(checkpoint) : -1, expected);
    if (!checkpoint)
        return;
    sample_expect(checkpoint, expected, local_sample.world.rank, local_sample.world.size);
    sample_digest(checkpoint, hex);
    if (expected == 7)
        assert_string_equal(hex, SAMPLE_DIGEST_OF_STEP_7);
    checkpoint_close(checkpoint);
}
