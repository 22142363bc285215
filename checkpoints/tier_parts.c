#include "checkpoints/tier_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "checkpoints/checkpoint_catalogue.h"

/* The candidate's manifest, if it is one of that step: what is torn or abandoned does not count. */
static bool read_manifest(const struct checkpoint_catalogue *catalogue, int64_t index,
                          struct manifest *manifest)
{
    char *folder = checkpoint_catalogue_path(catalogue, index);
    char *path = path_join(folder, MANIFEST_NAME);
    bool is_good = manifest_read(path, manifest) == STATUS_OK;
    if (is_good && manifest->step != catalogue->candidates[index].step) {
        manifest_release(manifest);
        is_good = false;
    }
    memory_free(path);
    memory_free(folder);
    return is_good;
}

/* Of this rank's node. */
static int64_t list_own(const struct world *world, const char *local, struct tier_part **parts)
{
    struct checkpoint_catalogue catalogue;
    int64_t count = 0;
    *parts = NULL;
    if (checkpoint_catalogue_read(local, &catalogue) != STATUS_OK) {
        log_warning("local checkpoints are passed over: %s", status_message());
        return 0;
    }
    *parts = memory_alloc_zeroed((size_t)catalogue.count + 1, sizeof **parts);
    for (int64_t i = 0; i < catalogue.count; i++) {
        struct manifest manifest;
        if (!read_manifest(&catalogue, i, &manifest))
            continue;
        struct tier_part *part = &(*parts)[count++];
        part->step = manifest.step;
        part->file_count = manifest.file_count;
        part->leader = world->rank;
        memcpy(part->created, manifest.created, sizeof part->created);
        memcpy(part->checksum, manifest.checksum, sizeof part->checksum);
        manifest_release(&manifest);
    }
    checkpoint_catalogue_release(&catalogue);
    return count;
}

static int compare(const void *a, const void *b)
{
    const struct tier_part *left = a, *right = b;
    if (left->step != right->step)
        return left->step > right->step ? -1 : 1;
    int order = strcmp(right->created, left->created);
    if (order == 0)
        order = strcmp(left->checksum, right->checksum);
    return order ? order : left->leader - right->leader;
}

/* On rank 0: of the parts of one checkpoint the first stays, which has the lowest rank. */
static int64_t join(struct tier_part *parts, int64_t count)
{
    int64_t joined = 0;
    if (count > 0)
        qsort(parts, (size_t)count, sizeof *parts, compare);
    for (int64_t i = 0; i < count; i++)
        if (joined == 0 || strcmp(parts[joined - 1].checksum, parts[i].checksum) != 0)
            parts[joined++] = parts[i];
    return joined;
}

void tier_parts_find(const struct world *world, const char *local, struct tier_parts *found)
{
    struct tier_part *own = NULL;
    const int64_t own_count = world->node_rank == 0 ? list_own(world, local, &own) : 0;
    int64_t *ends = memory_alloc_zeroed((size_t)world->size, sizeof *ends);
    found->parts = world_gather(world, own, own_count * (int64_t)sizeof *own, ends);
    if (world->rank == 0)
        found->count = join(found->parts, ends[world->size - 1] / (int64_t)sizeof *own);
    memory_free(ends);
    memory_free(own);

    world_broadcast(world, &found->count, sizeof found->count, 0);
    if (world->rank != 0)
        found->parts = memory_alloc_zeroed((size_t)found->count + 1, sizeof *found->parts);
    world_broadcast(world, found->parts, (size_t)found->count * sizeof *found->parts, 0);
}

void tier_parts_release(struct tier_parts *parts)
{
    memory_free(parts->parts);
    *parts = (struct tier_parts){ 0 };
}

char *tier_part_folder(const struct tier_part *part, const char *local, struct manifest *manifest)
{
    struct checkpoint_catalogue catalogue;
    char *folder = NULL;
    if (checkpoint_catalogue_read(local, &catalogue) != STATUS_OK)
        return NULL;
    for (int64_t i = 0; i < catalogue.count && !folder; i++) {
        if (catalogue.candidates[i].step != part->step || !read_manifest(&catalogue, i, manifest))
            continue;
        if (strcmp(manifest->checksum, part->checksum) == 0)
            folder = checkpoint_catalogue_path(&catalogue, i);
        else
            manifest_release(manifest);
    }
    checkpoint_catalogue_release(&catalogue);
    return folder;
}
