/* checkpoint_reader: what the rest of checkpoints/ asks of an open checkpoint. */
#ifndef CHECKPOINTS_CHECKPOINT_READER_H
#define CHECKPOINTS_CHECKPOINT_READER_H

#include "checkpoints/checkpoint.h"
#include "checkpoints/manifest.h"
#include "checkpoints/tensor_index.h"

const struct manifest *checkpoint_manifest(const struct checkpoint *checkpoint);
const struct tensor_index *checkpoint_tensors(const struct checkpoint *checkpoint);

#endif
