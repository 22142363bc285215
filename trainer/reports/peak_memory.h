/* peak_memory: what this process has held at most. */
#ifndef TRAINER_REPORTS_PEAK_MEMORY_H
#define TRAINER_REPORTS_PEAK_MEMORY_H

#include <stdint.h>

/* The largest resident set since the program began (VmHWM of /proc/self/status: unlike
 * getrusage's, it does not include what ran before execve), in bytes; 0 where it is not told. */
int64_t peak_memory_bytes(void);

#endif
