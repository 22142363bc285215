#include "checkpoints/local_tier.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "checkpoints/tier_promotion.h"

#define ID_NAME  "local_id"
#define OWN_NAME "owner"

enum { ID_MAX_BYTES = 4096, NAME_DIGITS = 16, NAME_BYTES = 32 };

static enum status random_word(uint64_t *word)
{
    if (getrandom(word, sizeof *word, 0) == (ssize_t)sizeof *word)
        return STATUS_OK;
    return failed("cannot draw a random number: %s", strerror(errno));
}

/* RUN/local_id, made where there is none. */
static enum status read_id(const char *run_folder, struct strbuf *id)
{
    uint64_t word;
    char *path = path_join(run_folder, ID_NAME);
    enum status status = STATUS_OK;
    if (file_exists(path)) {
        status = file_read(path, ID_MAX_BYTES, id);
    } else {
        TRY_CLEANUP(random_word(&word));
        strbuf_addf(id, "%016" PRIx64 "\n", word);
        status = file_replace(path, id->bytes, id->length);
    }
cleanup:
    memory_free(path);
    return status;
}

/* On rank 0. */
static enum status name_run(const char *run_folder, char name[NAME_BYTES])
{
    struct strbuf id = STRBUF_INIT;
    struct sha256 hash;
    char hex[SHA256_HEX];
    char *real = realpath(run_folder, NULL);
    if (!real)
        return failed("cannot find run '%s': %s", run_folder, strerror(errno));
    enum status status = read_id(run_folder, &id);
    sha256_init(&hash);
    sha256_add(&hash, real, strlen(real) + 1);
    sha256_add(&hash, id.bytes, id.length);
    sha256_finish_hex(&hash, hex);
    snprintf(name, NAME_BYTES, "eon-%.*s", NAME_DIGITS, hex);
    strbuf_release(&id);
    free(real);
    return status;
}

static char *folder_of(const char *local, const char *host, const char *name)
{
    struct strbuf parent = STRBUF_INIT;
    const char *next = local;
    for (const char *at; (at = strstr(next, "%h")) != NULL; next = at + 2) {
        strbuf_add(&parent, next, (size_t)(at - next));
        strbuf_add_string(&parent, host);
    }
    strbuf_add_string(&parent, next);
    char *folder = path_join(parent.bytes, name);
    strbuf_release(&parent);
    return folder;
}

/* Written in place: where nodes write at once, no more than one finds again what it wrote. */
static enum status write_mark(const char *path, const struct strbuf *own)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return failed("cannot create '%s': %s", path, strerror(errno));
    enum status status = file_write_all(descriptor, own->bytes, own->length, path);
    if (close(descriptor) != 0 && status == STATUS_OK)
        status = failed("cannot close '%s': %s", path, strerror(errno));
    return status;
}

static enum status mark(const struct world *world, const char *folder, struct strbuf *own)
{
    uint64_t word;
    TRY(folder_create(folder));
    TRY(random_word(&word));
    strbuf_addf(own, "rank %d on %s, %016" PRIx64 "\n", world->rank, world->host, word);
    char *path = path_join(folder, OWN_NAME);
    enum status status = write_mark(path, own);
    memory_free(path);
    return status;
}

static enum status expect_mark(const char *folder, const struct strbuf *own)
{
    struct strbuf found = STRBUF_INIT;
    char *path = path_join(folder, OWN_NAME);
    enum status status = file_read(path, ID_MAX_BYTES, &found);
    if (status == STATUS_OK && strcmp(found.bytes, own->bytes) != 0)
        status = bad_input("folder '%s' of local checkpoints is another node's too (%.*s): each "
                           "needs its own, and '%%h' in the name stands for the host's",
                           folder, (int)strcspn(found.bytes, ","), found.bytes);
    memory_free(path);
    strbuf_release(&found);
    return status;
}

/* Collective. */
static enum status require_own(const struct world *world, const char *folder)
{
    const bool is_first = world->node_rank == 0;
    struct strbuf own = STRBUF_INIT;
    enum status status = world_agree(world, is_first ? mark(world, folder, &own) : STATUS_OK);
    if (status == STATUS_OK)
        status = world_agree(world, is_first ? expect_mark(folder, &own) : STATUS_OK);
    if (is_first) {
        char *path = path_join(folder, OWN_NAME);
        unlink(path); /* one that stays is written over the next time */
        memory_free(path);
    }
    strbuf_release(&own);
    return status;
}

enum status local_tier_open(const struct world *world, const char *local, const char *run_folder,
                            char **folder)
{
    char name[NAME_BYTES] = "";
    *folder = NULL;
    TRY(world_agree(world, world->rank == 0 ? name_run(run_folder, name) : STATUS_OK));
    world_broadcast(world, name, sizeof name, 0);
    *folder = folder_of(local, world->host, name);
    enum status status = require_own(world, *folder);
    if (status != STATUS_OK) {
        memory_free(*folder);
        *folder = NULL;
    }
    return status;
}

/* On rank 0. The newest step of the run whose checkpoint opens, or `step` (>= 0) if that does; -1:
 * none. */
static int64_t step_of_run(const char *run_folder, int64_t step)
{
    struct checkpoint_catalogue catalogue;
    int64_t found = -1;
    if (checkpoint_catalogue_read(run_folder, &catalogue) != STATUS_OK)
        return -1;
    for (int64_t i = 0; i < catalogue.count && found < 0; i++) {
        struct checkpoint *checkpoint;
        const int64_t candidate = catalogue.candidates[i].step;
        if ((step >= 0 && candidate != step) ||
            checkpoint_catalogue_open(&catalogue, i, &checkpoint) != STATUS_OK)
            continue;
        checkpoint_close(checkpoint);
        found = candidate;
    }
    checkpoint_catalogue_release(&catalogue);
    return found;
}

int64_t local_tier_newest(const struct world *world, const char *folder)
{
    struct tier_parts found;
    tier_parts_find(world, folder, &found);
    const int64_t step = found.count ? found.parts[0].step : -1;
    tier_parts_release(&found);
    return step;
}

/* Parts of which a node is away may be whole again with it: to start afresh would lose them. */
static enum status none_whole(const char *run_folder, int64_t passed_over)
{
    return bad_input("cannot resume run '%s': none of its %" PRId64
                     " local checkpoints is whole, and it has no other",
                     run_folder, passed_over);
}

enum status local_tier_restore(const struct world *world, const char *folder,
                               const char *run_folder, int64_t step)
{
    struct tier_parts found;
    int64_t of_run = world->rank == 0 ? step_of_run(run_folder, step) : -1, passed_over = 0;
    world_broadcast(world, &of_run, sizeof of_run, 0);
    tier_parts_find(world, folder, &found);
    enum status status = STATUS_OK;
    bool is_torn = true;
    for (int64_t i = 0; i < found.count; i++) {
        const struct tier_part *part = &found.parts[i];
        if (part->step <= of_run || (step >= 0 && part->step != step))
            continue;
        status = tier_promote(world, folder, run_folder, part, &is_torn);
        if (status == STATUS_OK)
            log_info("step %" PRId64 " is taken from the nodes' own folders", part->step);
        if (!is_torn)
            break;
        if (world->rank == 0)
            log_warning("%s; it is passed over", status_message());
        passed_over++;
        status = STATUS_OK;
    }
    tier_parts_release(&found);
    if (is_torn && passed_over > 0 && of_run < 0 && step < 0)
        return none_whole(run_folder, passed_over);
    return status;
}
