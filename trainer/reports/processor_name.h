/* processor_name: what Linux calls this machine's processors. */
#ifndef TRAINER_REPORTS_PROCESSOR_NAME_H
#define TRAINER_REPORTS_PROCESSOR_NAME_H

#include <stddef.h>

/* The first "model name" of /proc/cpuinfo; "unknown" where there is none. */
void processor_name(char *out, size_t size);

#endif
