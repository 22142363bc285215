/* peak_memory: what this process has held at most. */
#ifndef TRAINER_REPORTS_PEAK_MEMORY_H
#define TRAINER_REPORTS_PEAK_MEMORY_H

#include <stdint.h>

/* The largest resident set since the program began (VmHWM of /proc/self/status: unlike
 * getrusage's, it does not include what ran before execve), in bytes; 0 where it is not told. */
int64_t peak_memory_bytes(void);

/* The same without what is others' share of the pages that this process has in common with them:
 * now resident, less its proportional set (Rss and Pss of /proc/self/smaps_rollup). Added up over
 * the ranks of a node it counts what they share once. It walks the page tables: not in a step. 0
 * where it is not told. */
int64_t peak_memory_share_bytes(void);

#endif
