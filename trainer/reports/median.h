/* median: of repeated measurements. */
#ifndef TRAINER_REPORTS_MEDIAN_H
#define TRAINER_REPORTS_MEDIAN_H

#include <stdint.h>

/* The median, and half the distance between the quartiles as a share of it. */
struct measured {
    double median, spread;
};

struct quartiles {
    double lower, median, upper;
};

/* All sort the values, of which there is one at least. */
struct quartiles quartiles_of(double *values, int64_t count);
/* *spread (unless NULL) is half the distance between the quartiles, as a
 * share of the median. */
double median_of(double *values, int64_t count, double *spread);
struct measured measured_of(double *values, int64_t count);

#endif
