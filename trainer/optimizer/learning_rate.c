#include "trainer/optimizer/learning_rate.h"

#include <stddef.h>

#include "base/portable_math.h"

#define PI 3.14159265358979323846

const char *const schedule_names[] = { "constant", "linear", "cosine", "wsd", NULL };

/* How far `step` is on the way from `from` to the last step: 0 to 1. */
static double progress(const struct learning_rate *schedule, int64_t from, int64_t step)
{
    int64_t last = schedule->total_steps - 1;
    if (step <= from)
        return 0.0;
    return step >= last ? 1.0 : (double)(step - from) / (double)(last - from);
}

double learning_rate_at(const struct learning_rate *schedule, int64_t step)
{
    double peak = schedule->peak, minimum = schedule->minimum;
    int64_t warmup = schedule->warmup_steps;
    if (step < warmup)
        return peak * (double)(step + 1) / (double)warmup;

    switch (schedule->kind) {
    case SCHEDULE_LINEAR:
        return peak + (minimum - peak) * progress(schedule, warmup, step);
    case SCHEDULE_COSINE:
        return minimum +
               0.5 * (peak - minimum) * (1.0 + portable_cos(PI * progress(schedule, warmup, step)));
    case SCHEDULE_WSD: {
        int64_t decay = (int64_t)(schedule->decay_fraction * (double)schedule->total_steps);
        int64_t from = schedule->total_steps - decay;
        return peak + (minimum - peak) * progress(schedule, from > warmup ? from : warmup, step);
    }
    case SCHEDULE_CONSTANT:
        break;
    }
    return peak;
}
