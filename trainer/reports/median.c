#include "trainer/reports/median.h"

#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double median_of(double *values, int64_t count, double *spread)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    double middle = 0.5 * (values[(count - 1) / 2] + values[count / 2]);
    if (spread)
        *spread = 0.5 * (values[count * 3 / 4] - values[count / 4]) / middle;
    return middle;
}

struct measured measured_of(double *values, int64_t count)
{
    struct measured measured;
    measured.median = median_of(values, count, &measured.spread);
    return measured;
}
