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

struct partner_files;

struct file_saver {
    char *folder;
    int64_t step;
    struct write_queue *queue;
    struct thread_pool *pool; /* that copies; NULL: the caller alone */
    struct span_list files;   /* bytes of files */
    struct span_list headers; /* of those that hold tensors: length and header */
    struct span_list tensors; /* bytes of tensors, in row-major order */
    bool has_files;           /* of this rank's making, in the folder */
    enum status status;       /* the thread's, of the first thing that failed: once it is idle */
    char message[STATUS_MESSAGE_BYTES];
};

void file_saver_init(struct file_saver *saver, const char *folder, int64_t step,
                     struct write_queue *queue, struct thread_pool *pool);
void file_saver_release(struct file_saver *saver); /* the queue is idle */

/* Who has a file, beside this rank. */
struct file_share {
    const struct world *sharers;   /* they write it together, each a part of it, and all give the
                                      same parts; NULL: this rank alone */
    bool is_listed;                /* in the manifest: of several copies, one is */
    struct partner_files *partner; /* that this rank's part is added to; NULL: none */
};

void file_saver_add_tensors(struct file_saver *saver, const char *name,
                            const struct tensor_part *parts, int64_t count,
                            const struct file_share *share);
/* Of tensors that are not in memory: each part is one range. */
void file_saver_add_filled(struct file_saver *saver, const char *name,
                           const struct tensor_part *parts, int64_t count,
                           tensor_fill_function *fill, void *context);
void file_saver_add_text(struct file_saver *saver, const char *name, const char *bytes,
                         size_t length, bool is_listed);
/* The folder's own entries go to the disk, after the files. */
void file_saver_sync_folder(struct file_saver *saver);

/* One file, block by block. The buffers are the queue's, which takes them back. */
struct saved_file;
struct saved_file *saved_file_begin(struct file_saver *saver, const char *name, bool is_shared);
void saved_file_write(struct saved_file *file, unsigned char *buffer, size_t length,
                      int64_t offset);
void saved_file_end(struct saved_file *file);

/* Of a job: keeps a status that is not OK, and its message, unless there is one. */
void file_saver_keep(struct file_saver *saver, enum status status);

#endif
