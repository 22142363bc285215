#include "trainer/reports/median.h"

#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

struct quartiles quartiles_of(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return (struct quartiles){ .lower = values[count / 4],
                               .median = 0.5 * (values[(count - 1) / 2] + values[count / 2]),
                               .upper = values[count * 3 / 4] };
}

double median_of(double *values, int64_t count, double *spread)
{
    struct quartiles quartiles = quartiles_of(values, count);
    if (spread)
        *spread = 0.5 * (quartiles.upper - quartiles.lower) / quartiles.median;
    return quartiles.median;
}

struct measured measured_of(double *values, int64_t count)
{
    struct measured measured;
    measured.median = median_of(values, count, &measured.spread);
    return measured;
}
