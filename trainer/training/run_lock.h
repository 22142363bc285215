/* run_lock: one job at a time in a run's folder.
 *
 * A lock of the kernel's on RUN/lock, so that the end of the process, however it comes, releases
 * it: there are no stale ones. The file stays, and is empty. On network file systems it holds
 * between nodes where the mount supports flock.
 */
#ifndef TRAINER_TRAINING_RUN_LOCK_H
#define TRAINER_TRAINING_RUN_LOCK_H

#include "base/status.h"

#define RUN_LOCK_NONE (-1)

/* Local. Bad input where another process holds it. Where files cannot be locked *lock is
 * RUN_LOCK_NONE, after a warning. */
enum status run_lock_take(const char *run_folder, int *lock);
void run_lock_release(int lock); /* RUN_LOCK_NONE is allowed */

#endif
