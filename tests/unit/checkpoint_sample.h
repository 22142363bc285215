/* checkpoint_sample: a small run's state, to save, damage and load again.
 *
 * Whole tensors in model.safetensors by rank 0; two moments of each tensor, of one
 * flat vector whose parts go round the ranks, in one file a rank. All values are
 * functions of (step, tensor, element), so any rank can tell what is right.
 */
#ifndef TESTS_UNIT_CHECKPOINT_SAMPLE_H
#define TESTS_UNIT_CHECKPOINT_SAMPLE_H

#include "checkpoints/checkpoint.h"

#define SAMPLE_DIGEST_OF_STEP_7 /* by tests/golden/checkpoint_digest.py */                         \
    "09f7417ac8bafe7af6328cb423466ad49c084fcc9ab3a5da6f9de9b9d35a9971"

#define SAMPLE_TENSORS 3
#define SAMPLE_MOMENTS 2

struct sample_tensor {
    const char *name;
    int64_t rows, cols, elements;
};
extern const struct sample_tensor sample_tensors[SAMPLE_TENSORS];

/* Collective. */
enum status sample_save(const struct world *world, const char *run, int64_t step);
/* Local. This rank's part of it, for a save that goes another way. */
void sample_add(struct checkpoint_writer *writer, const struct world *world, int64_t step,
                bool gives_texts);
/* Local. Fails the test where any range of any tensor is not that of `step`; ranges are cut as
 * rank `rank` of `size` would ask for them. */
void sample_expect(struct checkpoint *checkpoint, int64_t step, int rank, int size);
/* Collective: a checkpoint_trial. All checksums of files, verified by all ranks of the world. */
enum status sample_verify(void *world, struct checkpoint *checkpoint);
/* Digest of the sample of `step`; `hex` has SHA256_HEX bytes. */
void sample_digest(struct checkpoint *checkpoint, char *hex);

/* A fresh folder for a run under $TMPDIR; freed with memory_free. */
char *sample_new_run(void);
/* RUN/checkpoints/step-NNNNNNNN/NAME; NAME may be NULL; freed with memory_free. */
char *sample_path(const char *run, int64_t step, const char *name);

#endif
