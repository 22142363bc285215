/* machine_memory: what Linux and the control groups grant this process. */
#ifndef TRAINER_REPORTS_MACHINE_MEMORY_H
#define TRAINER_REPORTS_MACHINE_MEMORY_H

#include <stdint.h>

/* A field of /proc/meminfo, "MemAvailable", in bytes; -1 where it is not told. */
int64_t machine_memory_bytes(const char *field);
/* The least limit of this process's control groups in bytes; -1: none. */
int64_t machine_memory_limit_bytes(void);

#endif
