/* checkpoint: a run's whole state in a folder that is also a Hugging Face model.
 *
 *   RUN/checkpoints/step-00001000/
 *       config.json  tokenizer.json  model.safetensors     what transformers loads
 *       optimizer-00001-of-00004.safetensors ...           moments, one file a rank
 *       state.json                                         counters, schedule, ledger
 *       manifest.json                                      written last: sizes, checksums
 *
 * Commit: files are written to a temporary folder, fsynced, the ranks agree, rank
 * 0 writes the manifest, renames the folder and fsyncs its parent. A folder
 * without a valid manifest is not a checkpoint. Whatever fails, the checkpoints
 * that were there stay as they were.
 *
 * State is named tensors of float32. A tensor may be cut over several files;
 * a reader asks for a range of a name and does not see the cuts, so a checkpoint
 * loads at any world size.
 */
#ifndef CHECKPOINTS_CHECKPOINT_H
#define CHECKPOINTS_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoints/write_queue.h"
#include "comm/slice.h"
#include "comm/world.h"

/* A checkpoint without it is none. Its member "digested" is part of the digest; the numbers "loss"
 * and "validation_loss" are shown by `eon checkpoint list`, and the latter tells which is best. */
#define CHECKPOINT_STATE_NAME "state.json"

/* Ranges of the elements of a tensor of shape [rows, cols] (cols == 0: a vector). */
struct tensor_part {
    const char *name;
    int64_t rows, cols;
    const struct slice *ranges; /* [range_count] ascending, without overlap, none of them empty */
    int64_t range_count;
    const float *data; /* of the ranges, one behind the other */
};

/* Writes elements [begin, end) of what parts[part].data would be to `out`. */
typedef enum status tensor_fill_function(void *context, int64_t part, int64_t begin, int64_t end,
                                         float *out);

/* Which checkpoints of a run stay. */
struct checkpoint_retention {
    int64_t last;  /* the newest so many that are valid; > 0 */
    int64_t every; /* those whose step is a multiple of it; 0: none */
    bool best;     /* the valid one whose "validation_loss" is least, the newest of equal ones */
};

/* How a run writes its checkpoints; zeroed: with two buffers, copied by the caller alone. */
struct checkpoint_way {
    struct write_queue *queue;             /* that outlives the writer; NULL: one of its own */
    struct thread_pool *pool;              /* that copies; NULL: the caller alone */
    struct checkpoint_retention retention; /* last > 0: others are removed after the commit,
                                            * by rank 0's queue */
    bool is_local; /* on the nodes themselves, and of retention `last` counts alone: see below */
};

/* Of a local checkpoint each node holds a part, in a folder of its own that stands for the run's
 * (local_tier.h). What all ranks would write together, the ranks of each node do; the files of
 * single ranks are on their node and, as copies, on the one after it; and the manifest, of all
 * files, is on every node. The first rank of each node gives the texts, which are the same. */

struct checkpoint_writer;

/* Collective. Creates the temporary folder beside RUN/checkpoints/step-NNNNNNNN. */
enum status checkpoint_writer_begin(const struct world *world, const struct checkpoint_way *way,
                                    const char *run_folder, int64_t step,
                                    struct checkpoint_writer **out);
/* Local: a file of this rank's. Its bytes are copied, and written by the queue's thread; the caller
 * waits where there are no more buffers. An error is kept and rises on all ranks in the end. */
void checkpoint_writer_add_tensors(struct checkpoint_writer *writer, const char *file_name,
                                   const struct tensor_part *parts, int64_t count);
void checkpoint_writer_add_text(struct checkpoint_writer *writer, const char *file_name,
                                const char *bytes, size_t length);
/* Local: of tensors that are not in memory; each part is one range, and `fill` is asked for it in
 * blocks by this thread. */
void checkpoint_writer_add_filled(struct checkpoint_writer *writer, const char *file_name,
                                  const struct tensor_part *parts, int64_t count,
                                  tensor_fill_function *fill, void *context);
/* Local: one file that all ranks of `sharers` write, each a part of it, and copies no more than
 * that. They all give the same parts. */
void checkpoint_writer_add_shared(struct checkpoint_writer *writer, const struct world *sharers,
                                  const char *file_name, const struct tensor_part *parts,
                                  int64_t count);
/* Collective. Everything was added, and of a local one is there still: now the state is taken, and
 * may change. */
void checkpoint_writer_seal(struct checkpoint_writer *writer);
/* Collective, after that, again and again. Does not wait for the disk. When *is_done, the
 * checkpoint is committed or, after an error, its temporary folder removed; the writer is freed. */
enum status checkpoint_writer_advance(struct checkpoint_writer *writer, bool *is_done);
/* Collective. Seals it unless it is, waits until it is done, and frees it. */
enum status checkpoint_writer_commit(struct checkpoint_writer *writer);

struct checkpoint;

/* Local. Opens a committed folder: the manifest, the sizes and all headers are checked, the
 * checksums of the data are not (checkpoint_verify does). */
enum status checkpoint_open(const char *folder, struct checkpoint **out);
void checkpoint_close(struct checkpoint *checkpoint);
const char *checkpoint_folder(const struct checkpoint *checkpoint);
int64_t checkpoint_step(const struct checkpoint *checkpoint);
const struct json *checkpoint_state(const struct checkpoint *checkpoint); /* state.json */

/* Local. Recomputes the checksums of files number first, first + stride, ... of the manifest; of
 * those that hold tensors too, or not. The pool's threads read side by side; NULL: one thread. */
enum status checkpoint_verify(struct checkpoint *checkpoint, bool with_tensors, int first,
                              int stride, struct thread_pool *pool);

/* Local. Elements [begin, end) of tensor `name`, whose shape must be as given. */
enum status checkpoint_read(struct checkpoint *checkpoint, const char *name, int64_t rows,
                            int64_t cols, int64_t begin, int64_t end, float *out);

/* Between these two the checksum of what is read is kept, and then compared with the manifest's:
 * so a byte that is checked is read once. By then the ranks of `world` together have read whatever
 * tensors they have read of once and whole. `status` is that of the reading; all ranks get the
 * worst. The first one is local, the second collective over `world`. Manifests before version 3
 * list no tensors: checkpoint_find has verified the files of those. */
void checkpoint_begin_checked(struct checkpoint *checkpoint);
enum status checkpoint_end_checked(struct checkpoint *checkpoint, const struct world *world,
                                   enum status status);

/* One hash of all state: every tensor's name, shape and values in the order of the
 * names, and the member "digested" of state.json. Independent of files and ranks. */
enum status checkpoint_digest(struct checkpoint *checkpoint, char hex[SHA256_HEX]);

/* Local. RUN_OR_CHECKPOINT as users write it: a checkpoint's folder, or a run's, of which the
 * newest valid checkpoint is opened. All checksums are verified. */
enum status checkpoint_open_newest(const char *run_or_checkpoint, struct checkpoint **out);

/* Collective. Whether the data of an open checkpoint are to be trusted: it reads or verifies them.
 */
typedef enum status checkpoint_trial(void *context, struct checkpoint *checkpoint);

/* Collective. For --resume: the newest checkpoint of the run, or that of `step` (>= 0), that opens,
 * whose files without tensors have their checksums, and that passes the trial. Others are named in
 * a warning and passed over. *out = NULL where the run has none and step < 0. */
enum status checkpoint_find(const struct world *world, const char *run_folder, int64_t step,
                            checkpoint_trial *trial, void *context, struct checkpoint **out);

/* Local (rank 0): removes all others, and abandoned temporary folders. */
enum status checkpoint_prune(const char *run_folder, const struct checkpoint_retention *retention);
/* Local (a node's first rank): of local checkpoints, all but the newest `last` up to `step`. Those
 * beyond it are of a way that the run did not go. */
enum status checkpoint_prune_local(const char *folder, int64_t step, int64_t last);

/* A number of state.json; NaN where it has none of this name. */
double checkpoint_state_number(const struct checkpoint *checkpoint, const char *name);

#endif
