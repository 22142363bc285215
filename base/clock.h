/* clock: elapsed time, and a duration as a person reads it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>

double clock_seconds(void);                   /* monotonic */
double clock_cpu_seconds(void);               /* of all threads of this process */
void clock_timestamp(char *out, size_t size); /* UTC, "2026-11-22T22:07:20Z" */
void clock_format_duration(double seconds, char *out, size_t size); /* "3 h 12 min", "41 s" */

#endif
