#include "trainer/reports/scaling_losses.h"

#include <string.h>

#include "base/memory.h"
#include "trainer/reports/loss_curve.h"

bool scaling_losses_are_due(const struct scaling_series *series)
{
    return series->kind == SCALING_STRONG || series->kind == SCALING_THREADS;
}

/* NULL: that step was not logged. Steps ascend. */
static const struct loss_point *point_at(const struct loss_points *points, int64_t step)
{
    for (int64_t i = points->count - 1; i >= 0 && points->points[i].step >= step; i--)
        if (points->points[i].step == step)
            return &points->points[i];
    return NULL;
}

static bool all_have(const struct loss_curve *curves, int64_t count, int64_t step)
{
    for (int64_t i = 0; i < count; i++)
        if (!point_at(&curves[i].training, step))
            return false;
    return true;
}

/* -1: none. */
static int64_t last_common_step(const struct loss_curve *curves, int64_t count)
{
    const struct loss_points *first = &curves[0].training;
    for (int64_t i = first->count - 1; i >= 0; i--)
        if (all_have(curves, count, first->points[i].step))
            return first->points[i].step;
    return -1;
}

static enum status compare(const struct scaling_series *series, const struct loss_curve *curves,
                           struct scaling_losses *losses)
{
    losses->step = last_common_step(curves, series->count);
    if (losses->step < 0)
        return bad_input("the runs of '%s' have no logged step in common", series->title);
    losses->first = point_at(&curves[0].training, losses->step)->loss;
    for (int64_t i = 1; i < series->count && !losses->differs; i++) {
        losses->other = point_at(&curves[i].training, losses->step)->loss;
        if (memcmp(&losses->first, &losses->other, sizeof losses->first) != 0)
            losses->differs = series->members[i].point;
    }
    losses->are_same = !losses->differs;
    return STATUS_OK;
}

enum status scaling_losses_compare(const struct scaling_series *series,
                                   struct scaling_losses *losses)
{
    struct loss_curve *curves = memory_alloc_zeroed((size_t)series->count, sizeof *curves);
    enum status status = STATUS_OK;
    *losses = (struct scaling_losses){ 0 };
    for (int64_t i = 0; i < series->count && status == STATUS_OK; i++)
        status = loss_curve_read(series->members[i].point->run_folder, &curves[i]);
    if (status == STATUS_OK)
        status = compare(series, curves, losses);
    for (int64_t i = 0; i < series->count; i++)
        loss_curve_release(&curves[i]);
    memory_free(curves);
    return status;
}
