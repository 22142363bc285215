#include "shards/building/worker_crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct crew {
    crew_work *work;
    void *context;
    atomic_bool failed;
    pthread_mutex_t mutex; /* guards what follows */
    enum status status;
    char message[STATUS_MESSAGE_BYTES]; /* messages belong to their thread: a copy */
};

static void work_on(void *context, int64_t item, int thread)
{
    struct crew *crew = context;
    if (crew->failed)
        return;
    enum status status = crew->work(crew->context, item, thread);
    if (status == STATUS_OK)
        return;
    pthread_mutex_lock(&crew->mutex);
    if (crew->status == STATUS_OK) {
        crew->status = status;
        snprintf(crew->message, sizeof crew->message, "%s", status_message());
    }
    pthread_mutex_unlock(&crew->mutex);
    crew->failed = true;
}

enum status crew_run(struct thread_pool *pool, int64_t items, crew_work *work, void *context)
{
    struct crew crew = { .work = work, .context = context };
    pthread_mutex_init(&crew.mutex, NULL);
    thread_pool_run(pool, items, work_on, &crew);
    pthread_mutex_destroy(&crew.mutex);
    return crew.status == STATUS_OK ? STATUS_OK : status_set(crew.status, crew.message);
}
