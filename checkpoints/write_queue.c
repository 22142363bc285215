#include "checkpoints/write_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "base/status.h"

struct queued_job {
    struct queued_job *next;
    write_queue_job *run;
    void *context;
};

struct write_queue {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t has_job, has_buffer, is_idle;
    struct queued_job *first, **end;
    bool runs_one, is_ending;
    unsigned char **blocks, **free_blocks; /* [block_count], [free_count] */
    int block_count, free_count, block_limit;
};

static struct queued_job *next_job(struct write_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->runs_one = false;
    while (!queue->first && !queue->is_ending) {
        pthread_cond_broadcast(&queue->is_idle);
        pthread_cond_wait(&queue->has_job, &queue->mutex);
    }
    struct queued_job *job = queue->first;
    if (job) {
        queue->runs_one = true;
        queue->first = job->next;
        if (!queue->first)
            queue->end = &queue->first;
    }
    pthread_mutex_unlock(&queue->mutex);
    return job;
}

static void *run_jobs(void *context)
{
    struct queued_job *job;
    while ((job = next_job(context)) != NULL) {
        job->run(job->context);
        memory_free(job);
    }
    return NULL;
}

struct write_queue *write_queue_start(size_t max_bytes)
{
    struct write_queue *queue = memory_alloc_zeroed(1, sizeof *queue);
    const size_t limit = max_bytes / WRITE_BLOCK;
    queue->block_limit = limit < 2 ? 2 : limit < INT32_MAX ? (int)limit : INT32_MAX;
    queue->end = &queue->first;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->has_job, NULL);
    pthread_cond_init(&queue->has_buffer, NULL);
    pthread_cond_init(&queue->is_idle, NULL);

    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&queue->thread, NULL, run_jobs, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK(error == 0, "cannot start the thread that writes checkpoints: error %d", error);
    return queue;
}

void write_queue_stop(struct write_queue *queue)
{
    if (!queue)
        return;
    write_queue_wait(queue);
    pthread_mutex_lock(&queue->mutex);
    queue->is_ending = true;
    pthread_cond_signal(&queue->has_job);
    pthread_mutex_unlock(&queue->mutex);
    pthread_join(queue->thread, NULL);

    CHECK(queue->free_count == queue->block_count, "%d buffers of checkpoints were not given back",
          queue->block_count - queue->free_count);
    for (int i = 0; i < queue->block_count; i++)
        munmap(queue->blocks[i], WRITE_BLOCK);
    pthread_cond_destroy(&queue->has_job);
    pthread_cond_destroy(&queue->has_buffer);
    pthread_cond_destroy(&queue->is_idle);
    pthread_mutex_destroy(&queue->mutex);
    memory_free(queue->blocks);
    memory_free(queue->free_blocks);
    memory_free(queue);
}

/* With the mutex. */
static void add_block(struct write_queue *queue)
{
    void *block =
        mmap(NULL, WRITE_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED, "no memory for a buffer of checkpoints");
    madvise(block, WRITE_BLOCK, MADV_HUGEPAGE);
    const size_t bytes = (size_t)(queue->block_count + 1) * sizeof(unsigned char *);
    queue->blocks = memory_realloc(queue->blocks, bytes);
    queue->free_blocks = memory_realloc(queue->free_blocks, bytes);
    queue->blocks[queue->block_count++] = block;
    queue->free_blocks[queue->free_count++] = block;
}

int write_queue_take(struct write_queue *queue, int wanted, unsigned char **buffers)
{
    int taken = 0;
    pthread_mutex_lock(&queue->mutex);
    while (queue->free_count < wanted && queue->block_count < queue->block_limit)
        add_block(queue);
    while (queue->free_count == 0)
        pthread_cond_wait(&queue->has_buffer, &queue->mutex);
    while (taken < wanted && queue->free_count > 0)
        buffers[taken++] = queue->free_blocks[--queue->free_count];
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

void write_queue_give_back(struct write_queue *queue, unsigned char *buffer)
{
    pthread_mutex_lock(&queue->mutex);
    queue->free_blocks[queue->free_count++] = buffer;
    pthread_cond_signal(&queue->has_buffer);
    pthread_mutex_unlock(&queue->mutex);
}

void write_queue_add(struct write_queue *queue, write_queue_job *job, void *context)
{
    struct queued_job *added = memory_alloc(sizeof *added);
    *added = (struct queued_job){ .run = job, .context = context };
    pthread_mutex_lock(&queue->mutex);
    *queue->end = added;
    queue->end = &added->next;
    pthread_cond_signal(&queue->has_job);
    pthread_mutex_unlock(&queue->mutex);
}

bool write_queue_is_idle(struct write_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool is_idle = !queue->first && !queue->runs_one;
    pthread_mutex_unlock(&queue->mutex);
    return is_idle;
}

void write_queue_wait(struct write_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->first || queue->runs_one)
        pthread_cond_wait(&queue->is_idle, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
}
