#include "trainer/reports/scaling_series.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

const char *const scaling_kind_names[SCALING_KINDS] = { "strong", "weak", "threads", "single" };

/* Tokens of a rank as a fraction: exact, and without products that overflow. */
static bool same_tokens_a_rank(const struct speed_record *a, const struct speed_record *b)
{
    return a->tokens_per_step / a->ranks == b->tokens_per_step / b->ranks &&
           a->tokens_per_step % a->ranks * b->ranks == b->tokens_per_step % b->ranks * a->ranks;
}

static bool belong_together(enum scaling_kind kind, const struct speed_record *a,
                            const struct speed_record *b)
{
    if (!speed_record_same_settings(a, b))
        return false;
    switch (kind) {
    case SCALING_STRONG:
        return a->tokens_per_step == b->tokens_per_step && a->threads == b->threads;
    case SCALING_WEAK:
        return same_tokens_a_rank(a, b) && a->threads == b->threads;
    case SCALING_THREADS:
        return a->tokens_per_step == b->tokens_per_step && a->ranks == b->ranks &&
               a->nodes == b->nodes;
    default:
        return true;
    }
}

static int compare_members(const void *left, const void *right)
{
    const struct scaling_point *a = ((const struct scaling_member *)left)->point;
    const struct scaling_point *b = ((const struct scaling_member *)right)->point;
    if (a->speed.cores != b->speed.cores)
        return a->speed.cores < b->speed.cores ? -1 : 1;
    if (a->speed.nodes != b->speed.nodes)
        return a->speed.nodes < b->speed.nodes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Sorted, and measured by the smallest. */
static void finish_series(struct scaling_series *series)
{
    qsort(series->members, (size_t)series->count, sizeof *series->members, compare_members);
    for (int64_t i = 0; i < series->count; i++) {
        struct scaling_member *member = &series->members[i];
        const struct speed_record *speed = &member->point->speed;
        const struct speed_record *smallest = &series->members[0].point->speed;
        member->speedup = speed->tokens_per_second / smallest->tokens_per_second;
        member->efficiency = speed->tokens_per_second / scaling_series_ideal(series, speed->cores);
        if (series->kind == SCALING_SINGLE)
            member->speedup = member->efficiency = (double)NAN;
    }
}

double scaling_series_ideal(const struct scaling_series *series, int64_t cores)
{
    const struct speed_record *smallest = &series->members[0].point->speed;
    return smallest->tokens_per_second * ((double)cores / (double)smallest->cores);
}

static bool has_two_sizes(const struct scaling_series *series)
{
    for (int64_t i = 1; i < series->count; i++)
        if (series->members[i].point->speed.cores != series->members[0].point->speed.cores)
            return true;
    return false;
}

/* Keeps the series if it says something; its points are `in_series` then. */
static void add_series(struct scaling_series_list *list, struct scaling_series *series,
                       const struct scaling_study *study, bool *in_series)
{
    if (series->count == 0 || (series->kind != SCALING_SINGLE && !has_two_sizes(series))) {
        memory_free(series->members);
        return;
    }
    for (int64_t i = 0; i < series->count; i++)
        in_series[series->members[i].point - study->points] = true;
    finish_series(series);
    list->series = memory_realloc(list->series, (size_t)(list->count + 1) * sizeof *list->series);
    list->series[list->count++] = *series;
}

static struct scaling_series new_series(enum scaling_kind kind, const struct scaling_study *study)
{
    return (struct scaling_series){
        .kind = kind,
        .members = memory_alloc_zeroed((size_t)study->count, sizeof(struct scaling_member)),
    };
}

/* All points that belong to `first`, which no earlier point does. */
static struct scaling_series series_of(enum scaling_kind kind, const struct scaling_study *study,
                                       int64_t first, bool *taken)
{
    struct scaling_series series = new_series(kind, study);
    for (int64_t i = first; i < study->count; i++) {
        if (taken[i] ||
            !belong_together(kind, &study->points[first].speed, &study->points[i].speed))
            continue;
        taken[i] = true;
        series.members[series.count++].point = &study->points[i];
    }
    return series;
}

static void find_kind(enum scaling_kind kind, const struct scaling_study *study, bool *in_series,
                      struct scaling_series_list *list)
{
    bool *taken = memory_alloc_zeroed((size_t)study->count, sizeof *taken);
    for (int64_t first = 0; first < study->count; first++) {
        if (taken[first])
            continue;
        struct scaling_series series = series_of(kind, study, first, taken);
        add_series(list, &series, study, in_series);
    }
    memory_free(taken);
}

static void collect_singles(const struct scaling_study *study, bool *in_series,
                            struct scaling_series_list *list)
{
    struct scaling_series singles = new_series(SCALING_SINGLE, study);
    for (int64_t i = 0; i < study->count; i++)
        if (!in_series[i])
            singles.members[singles.count++].point = &study->points[i];
    add_series(list, &singles, study, in_series);
}

static void add_count(struct strbuf *title, int64_t count, const char *one, const char *many)
{
    strbuf_addf(title, "%" PRId64 " %s", count, count == 1 ? one : many);
}

static void add_work(const struct scaling_series *series, struct strbuf *title)
{
    const struct speed_record *speed = &series->members[0].point->speed;
    if (series->kind == SCALING_WEAK)
        strbuf_addf(title, "%.6g tokens a step for each rank",
                    (double)speed->tokens_per_step / (double)speed->ranks);
    else
        strbuf_addf(title, "%" PRId64 " tokens a step", speed->tokens_per_step);
    strbuf_add_string(title, ", ");
    if (series->kind == SCALING_THREADS) {
        add_count(title, speed->ranks, "rank on ", "ranks on ");
        add_count(title, speed->nodes, "node", "nodes");
    } else {
        add_count(title, speed->threads, "thread a rank", "threads a rank");
    }
}

/* The settings that are not the same in the whole study. */
static void add_differences(const struct scaling_study *study, const struct scaling_point *point,
                            struct strbuf *title)
{
    const char *name;
    char mine[SPEED_TEXT_BYTES], others[SPEED_TEXT_BYTES];
    for (int setting = 0; speed_record_setting(&point->speed, setting, &name, mine); setting++) {
        bool differs = false;
        for (int64_t i = 0; i < study->count && !differs; i++) {
            speed_record_setting(&study->points[i].speed, setting, &name, others);
            differs = strcmp(mine, others) != 0;
        }
        if (differs)
            strbuf_addf(title, ", %s %s", name, mine);
    }
}

static char *title_of(const struct scaling_study *study, const struct scaling_series *series)
{
    static const char *const beginnings[SCALING_KINDS] = { "strong scaling: ", "weak scaling: ",
                                                           "more threads: ", "in no series" };
    struct strbuf title = STRBUF_INIT;
    strbuf_add_string(&title, beginnings[series->kind]);
    if (series->kind != SCALING_SINGLE) {
        add_work(series, &title);
        add_differences(study, series->members[0].point, &title);
    }
    char *copy = memory_copy_string(title.bytes);
    strbuf_release(&title);
    return copy;
}

void scaling_series_find(const struct scaling_study *study, struct scaling_series_list *list)
{
    bool *in_series = memory_alloc_zeroed((size_t)study->count, sizeof *in_series);
    *list = (struct scaling_series_list){ 0 };
    for (int kind = SCALING_STRONG; kind < SCALING_SINGLE; kind++)
        find_kind((enum scaling_kind)kind, study, in_series, list);
    collect_singles(study, in_series, list);
    for (int64_t i = 0; i < list->count; i++)
        list->series[i].title = title_of(study, &list->series[i]);
    memory_free(in_series);
}

void scaling_series_release(struct scaling_series_list *list)
{
    for (int64_t i = 0; i < list->count; i++) {
        memory_free(list->series[i].members);
        memory_free(list->series[i].title);
    }
    memory_free(list->series);
    *list = (struct scaling_series_list){ 0 };
}
