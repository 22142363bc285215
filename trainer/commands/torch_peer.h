/* torch_peer: PyTorch saves and loads a state of as many bytes, in a process of its own.
 *
 * torch.save writes one file; torch.distributed.checkpoint a folder, of one process or of several
 * (gloo on the loopback), each with its part. All is synced to the disk before the time is taken,
 * and dropped from the page cache before it is read.
 */
#ifndef TRAINER_COMMANDS_TORCH_PEER_H
#define TRAINER_COMMANDS_TORCH_PEER_H

#include <stdint.h>

#include "base/status.h"

enum torch_time { TORCH_SAVE, TORCH_LOAD, TORCH_DCP_SAVE, TORCH_DCP_LOAD, TORCH_TIMES };

/* Local. By the interpreter `python`, in a fresh folder within `folder`, with so many processes for
 * torch.distributed.checkpoint. */
enum status torch_peer_run(const char *python, const char *folder, int64_t bytes, int processes,
                           double seconds[TORCH_TIMES]);

#endif
