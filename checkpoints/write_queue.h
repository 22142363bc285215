/* write_queue: a thread that writes files while its owner goes on.
 *
 *   owner      copies | goes on ...                        | copies and waits | goes on
 *   buffers    [#][#][#][ ]   [#][#][ ][ ]   [ ][ ][ ][ ]    [#][#][#][#]
 *   thread     writes ............................          writes ...
 *
 * The buffers bound the memory: an owner who has more to write than fits waits until some of it is
 * on the disk. They are taken when they are first needed, and kept, so that the next save finds
 * its pages there. Jobs run one after the other, in the order in which they were given.
 */
#ifndef CHECKPOINTS_WRITE_QUEUE_H
#define CHECKPOINTS_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/* One write: long enough that a disk's or a network's delays do not count. */
#define WRITE_BLOCK ((size_t)8 << 20)

struct write_queue;

/* At least two buffers, whatever max_bytes says. */
struct write_queue *write_queue_start(size_t max_bytes);
void write_queue_stop(struct write_queue *queue); /* after its jobs; NULL is allowed */

/* Takes up to `wanted` buffers of WRITE_BLOCK bytes, aligned for direct_file; waits for the first
 * of them only. Returns how many. */
int write_queue_take(struct write_queue *queue, int wanted, unsigned char **buffers);
/* Local to the thread: the buffer is free again. */
void write_queue_give_back(struct write_queue *queue, unsigned char *buffer);

typedef void write_queue_job(void *context);
/* What the caller wrote before, the job sees. */
void write_queue_add(struct write_queue *queue, write_queue_job *job, void *context);

/* Whether all jobs are done; then the caller sees what they wrote. */
bool write_queue_is_idle(struct write_queue *queue);
void write_queue_wait(struct write_queue *queue); /* until then */

#endif
