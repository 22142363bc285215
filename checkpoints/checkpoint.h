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

struct checkpoint_writer;

/* Collective. Creates the temporary folder beside RUN/checkpoints/step-NNNNNNNN. */
enum status checkpoint_writer_begin(const struct world *world, const char *run_folder, int64_t step,
                                    struct checkpoint_writer **out);
/* Local: this rank writes a file. An error is kept and rises in commit, on all ranks. */
void checkpoint_writer_add_tensors(struct checkpoint_writer *writer, const char *file_name,
                                   const struct tensor_part *parts, int64_t count);
/* The same of tensors that are not in memory: `fill` is asked for a block after the other. */
void checkpoint_writer_add_filled(struct checkpoint_writer *writer, const char *file_name,
                                  const struct tensor_part *parts, int64_t count,
                                  tensor_fill_function *fill, void *context);
void checkpoint_writer_add_text(struct checkpoint_writer *writer, const char *file_name,
                                const char *bytes, size_t length);
/* Collective. Commits and frees the writer; after an error the temporary folder is removed. */
enum status checkpoint_writer_commit(struct checkpoint_writer *writer);

struct checkpoint;

/* Local. Opens a committed folder: the manifest, the sizes and all headers are checked, the
 * checksums of the data are not (checkpoint_verify does). */
enum status checkpoint_open(const char *folder, struct checkpoint **out);
void checkpoint_close(struct checkpoint *checkpoint);
const char *checkpoint_folder(const struct checkpoint *checkpoint);
int64_t checkpoint_step(const struct checkpoint *checkpoint);
const struct json *checkpoint_state(const struct checkpoint *checkpoint); /* state.json */

/* Local. Recomputes the checksums of files number first, first + stride, ... of the manifest. */
enum status checkpoint_verify(struct checkpoint *checkpoint, int first, int stride);

/* Local. Elements [begin, end) of tensor `name`, whose shape must be as given. */
enum status checkpoint_read(struct checkpoint *checkpoint, const char *name, int64_t rows,
                            int64_t cols, int64_t begin, int64_t end, float *out);

/* One hash of all state: every tensor's name, shape and values in the order of the
 * names, and the member "digested" of state.json. Independent of files and ranks. */
enum status checkpoint_digest(struct checkpoint *checkpoint, char hex[SHA256_HEX]);

/* Local. RUN_OR_CHECKPOINT as users write it: a checkpoint's folder, or a run's, of which the
 * newest valid checkpoint is opened. All checksums are verified. */
enum status checkpoint_open_newest(const char *run_or_checkpoint, struct checkpoint **out);

/* Collective. For --resume: the newest valid checkpoint of the run, or that of `step` (>= 0).
 * Checksums are verified by all ranks together. Invalid ones are named in a warning and
 * passed over. *out = NULL where the run has none and step < 0. */
enum status checkpoint_find(const struct world *world, const char *run_folder, int64_t step,
                            struct checkpoint **out);

/* Which checkpoints of a run stay. */
struct checkpoint_retention {
    int64_t last;  /* the newest so many that are valid; > 0 */
    int64_t every; /* those whose step is a multiple of it; 0: none */
    bool best;     /* the valid one whose "validation_loss" is least, the newest of equal ones */
};

/* Local (rank 0): removes all others, and abandoned temporary folders. */
enum status checkpoint_prune(const char *run_folder, const struct checkpoint_retention *retention);

/* A number of state.json; NaN where it has none of this name. */
double checkpoint_state_number(const struct checkpoint *checkpoint, const char *name);

#endif
