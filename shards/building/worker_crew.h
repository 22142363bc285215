/* worker_crew: work that can fail, on the threads of a pool. */
#ifndef SHARDS_WORKER_CREW_H
#define SHARDS_WORKER_CREW_H

#include "base/status.h"
#include "base/thread_pool.h"

/* `thread` in [0, threads of the pool): for scratch that belongs to a thread. */
typedef enum status crew_work(void *context, int64_t item, int thread);

/* Runs work(context, i, thread) for i in [0, items). After a failure no item is begun; the first
 * failure's status, with its message, is returned. */
enum status crew_run(struct thread_pool *pool, int64_t items, crew_work *work, void *context);

#endif
