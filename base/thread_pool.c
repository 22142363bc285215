#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "base/memory.h"
#include "base/status.h"

enum {
    SPINS = 2000, /* some 30 microseconds: longer than the gap between two kernels of a step,
                   * short enough to leave a core that other ranks share */
    CACHE_LINE = 64
};

/* A run is published by storing `remaining`. Threads take a block by counting it
 * down, and count `unfinished` down when the block is done; the caller waits for
 * the latter alone. So a thread that wakes late delays nobody: it finds nothing
 * left, or already the blocks of the next run. `work`, `context` and `blocks` are
 * read only between taking a block and finishing it, when they cannot change. */
struct thread_pool {
    thread_pool_work *work;
    void *context;
    int64_t blocks;
    int threads, spins;
    bool running;
    pthread_t *handles; /* of threads 1 .. threads - 1 */

    char pad_before[CACHE_LINE];
    atomic_int_fast64_t remaining; /* may pass below zero when nothing is left */
    char pad_between[CACHE_LINE];
    atomic_int_fast64_t unfinished;
    char pad_after[CACHE_LINE];

    pthread_mutex_t lock;
    pthread_cond_t work_ready, run_finished;
    atomic_int sleepers;
    atomic_bool caller_sleeps, stopping;
};

struct worker_start {
    struct thread_pool *pool;
    int thread;
};

void thread_flush_denormals(void)
{
#if defined(__SSE2__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    _mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#elif defined(__aarch64__)
    const uint64_t flush_to_zero = (uint64_t)1 << 24; /* FPCR.FZ: operands and results */
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | flush_to_zero));
#endif
}

static void spin_pause(void)
{
#if defined(__SSE2__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool take_and_do_blocks(struct thread_pool *pool, int thread)
{
    bool did_any = false;
    while (atomic_load_explicit(&pool->remaining, memory_order_relaxed) > 0) {
        int64_t left = atomic_fetch_sub(&pool->remaining, 1);
        if (left <= 0)
            break;
        pool->work(pool->context, pool->blocks - left, thread);
        did_any = true;
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->run_finished);
            pthread_mutex_unlock(&pool->lock);
        }
    }
    return did_any;
}

/* No wake-up is lost: a sleeper announces itself before it looks at `remaining`,
 * and the caller stores `remaining` before it looks for sleepers. */
static void sleep_until_work(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->remaining) <= 0 && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->work_ready, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *argument)
{
    struct worker_start start = *(struct worker_start *)argument;
    struct thread_pool *pool = start.pool;
    memory_free(argument);
    thread_flush_denormals();

    for (int idle = 0; !atomic_load_explicit(&pool->stopping, memory_order_relaxed);) {
        if (take_and_do_blocks(pool, start.thread)) {
            idle = 0;
        } else if (idle++ < pool->spins) {
            spin_pause();
        } else {
            sleep_until_work(pool);
            idle = 0;
        }
    }
    return NULL;
}

static void start_workers(struct thread_pool *pool)
{
    sigset_t all, before; /* signals are for the program's main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int thread = 1; thread < pool->threads; thread++) {
        struct worker_start *start = memory_alloc(sizeof *start);
        *start = (struct worker_start){ pool, thread };
        int error = pthread_create(&pool->handles[thread - 1], NULL, worker_main, start);
        CHECK(!error, "cannot start thread %d of %d: error %d", thread, pool->threads, error);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct thread_pool *thread_pool_create(int threads)
{
    cpu_set_t cpus;
    CHECK(threads >= 1, "a pool of %d threads", threads);
    struct thread_pool *pool = memory_alloc_zeroed(1, sizeof *pool);
    pool->threads = threads;
    /* With fewer CPUs than threads, who spins keeps the others from working. */
    bool cpus_suffice =
        sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) >= threads;
    pool->spins = cpus_suffice ? SPINS : 0;
    pool->handles = memory_alloc_zeroed((size_t)threads, sizeof *pool->handles);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_ready, NULL);
    pthread_cond_init(&pool->run_finished, NULL);
    thread_flush_denormals();
    start_workers(pool);
    return pool;
}

void thread_pool_free(struct thread_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->lock);
    for (int thread = 1; thread < pool->threads; thread++)
        pthread_join(pool->handles[thread - 1], NULL);
    pthread_cond_destroy(&pool->run_finished);
    pthread_cond_destroy(&pool->work_ready);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->handles);
    memory_free(pool);
}

int thread_pool_size(const struct thread_pool *pool)
{
    return pool->threads;
}

static void wait_until_finished(struct thread_pool *pool)
{
    for (int spin = 0; spin < pool->spins; spin++) {
        if (atomic_load(&pool->unfinished) == 0)
            return;
        spin_pause();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->unfinished) > 0)
        pthread_cond_wait(&pool->run_finished, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

void thread_pool_run(struct thread_pool *pool, int64_t blocks, thread_pool_work *work,
                     void *context)
{
    CHECK(!pool->running, "thread_pool_run is called from within a block");
    if (blocks <= 0)
        return;
    pool->running = true;
    pool->work = work;
    pool->context = context;
    pool->blocks = blocks;
    atomic_store(&pool->unfinished, blocks);
    atomic_store(&pool->remaining, blocks);

    if (blocks > 1 && atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->work_ready);
        pthread_mutex_unlock(&pool->lock);
    }
    take_and_do_blocks(pool, 0);
    wait_until_finished(pool);
    pool->running = false;
}
