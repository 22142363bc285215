/* median: of repeated measurements. */
#ifndef TRAINER_REPORTS_MEDIAN_H
#define TRAINER_REPORTS_MEDIAN_H

#include <stdint.h>

/* Sorts the values. *spread (unless NULL) is half the distance between the quartiles, as a
 * share of the median. */
double median_of(double *values, int64_t count, double *spread);

#endif
