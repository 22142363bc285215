#include "shards/reading/shard_stager.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/reading/shard_set.h"
#include "shards/reading/staged_file.h"

enum {
    WALK_SLOTS = 1 << 18, /* of this node, at most: some tenths of a second */
    PAUSE_S = 1,
    MARK_WANTED = 1, /* by this walk */
    MARK_UNFIT = 2   /* it is not what is listed: not tried again */
};

struct wanted_shard {
    const char *folder;
    unsigned char *marks; /* of the shard, in `marks` of its corpus */
    const struct manifest_shard *shard;
};

struct shard_stager {
    const struct corpus_mixture *mixture;
    struct mixture_schedule schedule;
    struct stager_plan plan;
    char *folder;
    bool *is_here;

    /* The walk's: shards in the order in which they are wanted. */
    struct wanted_shard *wanted;
    int64_t wanted_count, wanted_bytes;
    const char **names;                      /* [wanted_count] their sha256, sorted */
    unsigned char *marks[MIXTURE_PARTS_MAX]; /* [shards of the corpus] MARK_... */

    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    int64_t step;
    bool stopping;
    atomic_bool given_up; /* the same, for a copy that is being made */
};

/* ---- What is wanted -----------------------------------------------------------------------------
 */

/* False: there is no room for more. */
static bool want(struct shard_stager *stager, const struct mixture_place *place)
{
    const struct mixture_part *part = &stager->mixture->parts[place->part];
    const struct shard_set *set = corpus_shards(part->corpus);
    const int64_t shard = shard_set_find(set, place->sample);
    const struct manifest_shard *listed = &set->manifest->shards[set->shards[shard].listed];
    unsigned char *marks = &stager->marks[place->part][shard];
    if (*marks != 0)
        return true;
    if (stager->wanted_bytes + listed->file_bytes > stager->plan.max_bytes)
        return false;
    *marks = MARK_WANTED;
    stager->wanted_bytes += listed->file_bytes;
    stager->wanted =
        memory_realloc(stager->wanted, (size_t)(stager->wanted_count + 1) * sizeof *stager->wanted);
    stager->wanted[stager->wanted_count++] = (struct wanted_shard){ part->folder, marks, listed };
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(struct shard_stager *stager)
{
    const size_t count = (size_t)stager->wanted_count;
    stager->names = memory_realloc(stager->names, (count + 1) * sizeof *stager->names);
    for (size_t i = 0; i < count; i++)
        stager->names[i] = stager->wanted[i].shard->sha256;
    if (count > 0)
        qsort(stager->names, count, sizeof *stager->names, compare_names);
}

/* Walks from `step` on until the shards that it meets fill the folder's share. */
static void walk(struct shard_stager *stager, int64_t step)
{
    const struct stager_plan *plan = &stager->plan;
    for (int i = 0; i < stager->mixture->count; i++)
        for (int64_t j = 0; j < corpus_shards(stager->mixture->parts[i].corpus)->count; j++)
            stager->marks[i][j] &= MARK_UNFIT;
    stager->wanted_count = stager->wanted_bytes = 0;

    bool has_room = true;
    int64_t walked = 0, leaf = step * plan->leaves;
    for (; has_room && walked < WALK_SLOTS; leaf++) {
        if (!stager->is_here[leaf % plan->leaves])
            continue;
        for (int64_t s = 0; has_room && s < plan->leaf_sequences; s++, walked++) {
            const struct mixture_place place =
                mixture_schedule_place(&stager->schedule, leaf * plan->leaf_sequences + s);
            has_room = want(stager, &place);
        }
    }
    sort_names(stager);
}

static bool is_wanted(const struct shard_stager *stager, const char *file_name)
{
    char sha256[SHA256_HEX];
    const char *key = sha256;
    if (strlen(file_name) < SHA256_HEX - 1)
        return false;
    memcpy(sha256, file_name, SHA256_HEX - 1);
    sha256[SHA256_HEX - 1] = '\0';
    return bsearch(&key, stager->names, (size_t)stager->wanted_count, sizeof *stager->names,
                   compare_names) != NULL;
}

/* ---- Room ---------------------------------------------------------------------------------------
 */

/* Whether `bytes` more are within the bound. Copies that are not wanted soon make room; those of
 * other jobs too, whose readers have them open still. */
static enum status make_room(struct shard_stager *stager, int64_t bytes, bool *there_is_room)
{
    struct name_list list;
    int64_t used = 0;
    TRY(folder_list(stager->folder, &list));
    for (int pass = 0; pass < 2; pass++) /* what there is, then what may go */
        for (int64_t i = 0; i < list.count; i++) {
            struct stat info;
            char *path = path_join(stager->folder, list.names[i]);
            const bool counts = staged_file_is_name(list.names[i]) && lstat(path, &info) == 0;
            if (counts && pass == 0)
                used += info.st_size;
            else if (counts && used + bytes > stager->plan.max_bytes &&
                     !is_wanted(stager, list.names[i]) && staged_file_remove(path))
                used -= info.st_size;
            memory_free(path);
        }
    name_list_release(&list);
    *there_is_room = used + bytes <= stager->plan.max_bytes;
    return STATUS_OK;
}

static enum status stage(struct shard_stager *stager, const struct wanted_shard *wanted,
                         bool *there_is_room)
{
    const struct manifest_shard *shard = wanted->shard;
    char *from = path_join(wanted->folder, shard->file);
    char *to = staged_file_path(stager->folder, shard->sha256);
    enum status status = STATUS_OK;
    enum staged_outcome outcome = STAGED;
    *there_is_room = true;
    if (!file_exists(to))
        status = make_room(stager, shard->file_bytes, there_is_room);
    if (status == STATUS_OK && *there_is_room && !file_exists(to))
        status = staged_file_copy(from, to, shard->file_bytes, shard->sha256, &stager->given_up,
                                  &outcome);
    if (outcome == STAGED_UNFIT)
        *wanted->marks = MARK_UNFIT;
    memory_free(from);
    memory_free(to);
    return status;
}

/* ---- The thread ---------------------------------------------------------------------------------
 */

static bool is_stopping(struct shard_stager *stager, int64_t *step)
{
    pthread_mutex_lock(&stager->mutex);
    const bool stopping = stager->stopping;
    *step = stager->step;
    pthread_mutex_unlock(&stager->mutex);
    return stopping;
}

static void pause_until_progress(struct shard_stager *stager, int64_t step)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PAUSE_S;
    pthread_mutex_lock(&stager->mutex);
    int error = 0;
    while (!stager->stopping && stager->step == step && error == 0)
        error = pthread_cond_timedwait(&stager->changed, &stager->mutex, &until);
    pthread_mutex_unlock(&stager->mutex);
}

static enum status stage_wanted(struct shard_stager *stager)
{
    int64_t step;
    for (int64_t i = 0; i < stager->wanted_count && !is_stopping(stager, &step); i++) {
        bool there_is_room;
        TRY(stage(stager, &stager->wanted[i], &there_is_room));
        if (!there_is_room)
            break;
    }
    return STATUS_OK;
}

static void *run_stager(void *context)
{
    struct shard_stager *stager = context;
    int64_t step;
    enum status status = folder_create(stager->folder);
    while (status == STATUS_OK && !is_stopping(stager, &step)) {
        walk(stager, step);
        status = stage_wanted(stager);
        if (status == STATUS_OK)
            pause_until_progress(stager, step);
    }
    if (status != STATUS_OK)
        log_warning("shards are read from where they are, no more are staged: %s",
                    status_message());
    return NULL;
}

struct shard_stager *shard_stager_start(const struct corpus_mixture *mixture,
                                        const struct stager_plan *plan)
{
    struct shard_stager *stager = memory_alloc_zeroed(1, sizeof *stager);
    CHECK(memchr(plan->is_here, 1, (size_t)plan->leaves), "no leaf to stage shards for");
    stager->mixture = mixture;
    stager->plan = *plan;
    stager->schedule = corpus_mixture_schedule(mixture, plan->seed);
    stager->folder = memory_copy_string(plan->folder);
    stager->is_here = memory_alloc((size_t)plan->leaves);
    memcpy(stager->is_here, plan->is_here, (size_t)plan->leaves);
    for (int i = 0; i < mixture->count; i++)
        stager->marks[i] =
            memory_alloc_zeroed((size_t)corpus_shards(mixture->parts[i].corpus)->count, 1);
    stager->step = plan->first_step;
    pthread_mutex_init(&stager->mutex, NULL);
    pthread_cond_init(&stager->changed, NULL);
    int error = pthread_create(&stager->thread, NULL, run_stager, stager);
    CHECK(error == 0, "cannot start the thread that stages shards: %s", strerror(error));
    return stager;
}

void shard_stager_reached(struct shard_stager *stager, int64_t step)
{
    if (stager == NULL)
        return;
    pthread_mutex_lock(&stager->mutex);
    stager->step = step;
    pthread_cond_signal(&stager->changed);
    pthread_mutex_unlock(&stager->mutex);
}

void shard_stager_stop(struct shard_stager *stager)
{
    if (stager == NULL)
        return;
    pthread_mutex_lock(&stager->mutex);
    stager->stopping = true;
    atomic_store(&stager->given_up, true);
    pthread_cond_signal(&stager->changed);
    pthread_mutex_unlock(&stager->mutex);
    pthread_join(stager->thread, NULL);
    pthread_cond_destroy(&stager->changed);
    pthread_mutex_destroy(&stager->mutex);
    for (int i = 0; i < stager->mixture->count; i++)
        memory_free(stager->marks[i]);
    memory_free(stager->wanted);
    memory_free(stager->names);
    memory_free(stager->is_here);
    memory_free(stager->folder);
    memory_free(stager);
}
