/* file_saver: the files of one rank in one save, on their way to the disk.
 *
 * Adding a file copies what it is to hold into the queue's buffers and returns; the queue's thread
 * creates, writes, syncs and closes it. The first thing that fails ends the writing, and is kept.
 * The checksums are there as soon as everything was added.
 */
#ifndef CHECKPOINTS_FILE_SAVER_H
#define CHECKPOINTS_FILE_SAVER_H

#include "base/thread_pool.h"
#include "checkpoints/checkpoint.h"
#include "checkpoints/span_list.h"
#include "checkpoints/write_queue.h"

struct file_saver {
    char *folder;
    int64_t step;
    struct write_queue *queue;
    struct thread_pool *pool; /* that copies; NULL: the caller alone */
    struct span_list files;   /* bytes of files */
    struct span_list headers; /* of those that hold tensors: length and header */
    struct span_list tensors; /* bytes of tensors, in row-major order */
    enum status status;       /* the thread's, of the first thing that failed: once it is idle */
    char message[STATUS_MESSAGE_BYTES];
};

void file_saver_init(struct file_saver *saver, const char *folder, int64_t step,
                     struct write_queue *queue, struct thread_pool *pool);
void file_saver_release(struct file_saver *saver); /* the queue is idle */

/* The ranks of `sharers` write one file together, each a part of it: they all give the same parts.
 * NULL: this rank's alone. */
void file_saver_add_tensors(struct file_saver *saver, const char *name,
                            const struct tensor_part *parts, int64_t count,
                            const struct world *sharers);
/* Of tensors that are not in memory: each part is one range. */
void file_saver_add_filled(struct file_saver *saver, const char *name,
                           const struct tensor_part *parts, int64_t count,
                           tensor_fill_function *fill, void *context);
void file_saver_add_text(struct file_saver *saver, const char *name, const char *bytes,
                         size_t length);
/* The folder's own entries go to the disk, after the files. */
void file_saver_sync_folder(struct file_saver *saver);

/* Of a job: keeps a status that is not OK, and its message, unless there is one. */
void file_saver_keep(struct file_saver *saver, enum status status);

#endif
