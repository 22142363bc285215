#include "comm/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/thread_pool.h"

struct background {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given, done;
    struct background_job {
        void (*run)(void *context);
        void *context;
    } jobs[BACKGROUND_JOBS]; /* job i at i % BACKGROUND_JOBS */
    int64_t given_count, done_count;
    bool is_stopping;
};

static void *run_jobs(void *argument)
{
    struct background *background = argument;
    thread_flush_denormals();
    pthread_mutex_lock(&background->lock);
    for (;;) {
        while (background->done_count == background->given_count && !background->is_stopping)
            pthread_cond_wait(&background->given, &background->lock);
        if (background->done_count == background->given_count)
            break;
        const struct background_job job =
            background->jobs[background->done_count % BACKGROUND_JOBS];
        pthread_mutex_unlock(&background->lock);
        job.run(job.context);
        pthread_mutex_lock(&background->lock);
        background->done_count++;
        pthread_cond_signal(&background->done);
    }
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

struct background *background_start(void)
{
    struct background *background = memory_alloc_zeroed(1, sizeof *background);
    pthread_mutex_init(&background->lock, NULL);
    pthread_cond_init(&background->given, NULL);
    pthread_cond_init(&background->done, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&background->thread, NULL, run_jobs, background);
    CHECK(!error, "cannot start the thread of communication: error %d", error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return background;
}

void background_stop(struct background *background)
{
    if (!background)
        return;
    pthread_mutex_lock(&background->lock);
    background->is_stopping = true;
    pthread_cond_signal(&background->given);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);
    pthread_cond_destroy(&background->done);
    pthread_cond_destroy(&background->given);
    pthread_mutex_destroy(&background->lock);
    memory_free(background);
}

void background_give(struct background *background, void (*job)(void *context), void *context)
{
    pthread_mutex_lock(&background->lock);
    CHECK(background->given_count - background->done_count < BACKGROUND_JOBS,
          "more than %d jobs in the background", BACKGROUND_JOBS);
    background->jobs[background->given_count++ % BACKGROUND_JOBS] =
        (struct background_job){ job, context };
    pthread_cond_signal(&background->given);
    pthread_mutex_unlock(&background->lock);
}

void background_wait(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    while (background->done_count < background->given_count)
        pthread_cond_wait(&background->done, &background->lock);
    pthread_mutex_unlock(&background->lock);
}
