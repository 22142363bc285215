/* thread_pool: runs numbered blocks of work on a fixed set of threads.
 *
 * The blocks are cut by the caller, at fixed sizes that know nothing of the
 * number of threads; threads take the next block until none is left. So a
 * result that depends on its block alone has the same bits for every number of
 * threads. Every thread flushes denormals to zero (a training step is several
 * times slower on denormals).
 */
#ifndef BASE_THREAD_POOL_H
#define BASE_THREAD_POOL_H

#include <stdint.h>

struct thread_pool;

/* `thread` in [0, threads): for scratch that belongs to a thread. */
typedef void thread_pool_work(void *context, int64_t block, int thread);

/* The caller is thread 0; threads - 1 are started. */
struct thread_pool *thread_pool_create(int threads);
void thread_pool_free(struct thread_pool *pool); /* NULL is allowed */
int thread_pool_size(const struct thread_pool *pool);

/* Runs work(context, i, thread) for i in [0, blocks); returns when all are done.
 * Not to be called from within a block. */
void thread_pool_run(struct thread_pool *pool, int64_t blocks, thread_pool_work *work,
                     void *context);

/* Sets flush-to-zero and denormals-are-zero in the calling thread, where the CPU has them. */
void thread_flush_denormals(void);

#endif
