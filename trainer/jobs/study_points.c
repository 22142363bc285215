#include "trainer/jobs/study_points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

#define STUDY_FILE      "study.json"
#define STUDY_BYTES_MAX ((size_t)1 << 24)

enum { LIST_MAX = 64, NUMBER_MAX = 1 << 20, LEAVES_MAX = 65536 };

struct numbers {
    int64_t values[LIST_MAX];
    int count;
};

static int compare_numbers(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* "1,2,4", in any order; each once. */
static enum status parse_numbers(const char *key, const char *text, int64_t least,
                                 struct numbers *out)
{
    const char *place = text;
    out->count = 0;
    for (;;) {
        char *end;
        long long value = strtoll(place, &end, 10);
        if (end == place || (*end != ',' && *end != '\0') || value < least || value > NUMBER_MAX ||
            out->count == LIST_MAX)
            return bad_input("--%s=%s: up to %d numbers of %lld or more, between commas", key, text,
                             LIST_MAX, (long long)least);
        out->values[out->count++] = value;
        if (*end == '\0')
            break;
        place = end + 1;
    }
    qsort(out->values, (size_t)out->count, sizeof *out->values, compare_numbers);
    for (int i = 1; i < out->count; i++)
        if (out->values[i] == out->values[i - 1])
            return bad_input("--%s=%s: %lld is there twice", key, text, (long long)out->values[i]);
    return STATUS_OK;
}

static void add_point(struct study_points *study, struct study_point point, bool is_weak)
{
    study->points =
        memory_realloc(study->points, (size_t)(study->count + 1) * sizeof *study->points);
    char threads[24] = "";
    if (point.threads > 0)
        snprintf(threads, sizeof threads, "-t%lld", (long long)point.threads);
    snprintf(point.name, sizeof point.name, "n%lld-r%lld%s%s", (long long)point.nodes,
             (long long)point.ranks_per_node, threads, is_weak ? "-weak" : "");
    study->points[study->count++] = point;
}

static int64_t ranks_of(int64_t nodes, int64_t ranks_per_node)
{
    return nodes * (ranks_per_node > 0 ? ranks_per_node : 1);
}

/* The smallest point of the weak series has the batch of the strong one, and is in both. */
static void add_combination(const struct study_plan *plan, struct study_point point,
                            int64_t least_ranks, struct study_points *out)
{
    const int64_t ranks = ranks_of(point.nodes, point.ranks_per_node);
    point.leaves = plan->leaves;
    if (plan->strong || ranks == least_ranks)
        add_point(out, point, false);
    point.leaves = plan->leaves * ranks / least_ranks;
    if (plan->weak && ranks > least_ranks && plan->leaves * ranks % least_ranks == 0 &&
        point.leaves <= LEAVES_MAX)
        add_point(out, point, true);
}

enum status study_points_plan(const struct study_plan *plan, struct study_points *out)
{
    struct numbers nodes, ranks, threads;
    *out = (struct study_points){ .points = NULL };
    if (!plan->strong && !plan->weak)
        return bad_input("a study of neither strong nor weak scaling has no point");
    TRY(parse_numbers("nodes", plan->nodes, 1, &nodes));
    TRY(parse_numbers("ranks_per_node", plan->ranks_per_node, 0, &ranks));
    TRY(parse_numbers("threads_per_rank", plan->threads, 0, &threads));
    const int64_t least = ranks_of(nodes.values[0], ranks.values[0]);
    for (int n = 0; n < nodes.count; n++)
        for (int r = 0; r < ranks.count; r++)
            for (int t = 0; t < threads.count; t++)
                add_combination(plan,
                                (struct study_point){ .nodes = nodes.values[n],
                                                      .ranks_per_node = ranks.values[r],
                                                      .threads = threads.values[t] },
                                least, out);
    return STATUS_OK;
}

void study_points_release(struct study_points *study)
{
    memory_free(study->points);
    word_list_release(&study->train);
    *study = (struct study_points){ .points = NULL };
}

static struct json *point_to_json(const struct study_point *point)
{
    struct json *object = json_new_object();
    json_put_text(object, "name", point->name);
    json_put_integer(object, "nodes", point->nodes);
    json_put_integer(object, "ranks_per_node", point->ranks_per_node);
    json_put_integer(object, "threads", point->threads);
    json_put_integer(object, "leaves", point->leaves);
    return object;
}

enum status study_points_write(const struct study_points *study, const char *folder)
{
    struct json *object = json_new_object(), *train = json_new_array(), *points = json_new_array();
    json_put_integer(object, "format_version", 1);
    for (int i = 0; i < study->train.count; i++)
        json_append_text(train, study->train.words[i]);
    json_put(object, "train", train);
    for (int64_t i = 0; i < study->count; i++)
        json_append(points, point_to_json(&study->points[i]));
    json_put(object, "points", points);
    char *path = path_join(folder, STUDY_FILE);
    enum status status = json_write(object, path);
    memory_free(path);
    json_free(object);
    return status;
}

static enum status read_point(const struct json *object, const char *path, struct study_point *out)
{
    const char *name;
    TRY(json_need_text(object, "name", path, &name));
    TRY(json_need_integer(object, "nodes", 1, NUMBER_MAX, path, &out->nodes));
    TRY(json_need_integer(object, "ranks_per_node", 0, NUMBER_MAX, path, &out->ranks_per_node));
    TRY(json_need_integer(object, "threads", 0, NUMBER_MAX, path, &out->threads));
    TRY(json_need_integer(object, "leaves", 1, LEAVES_MAX, path, &out->leaves));
    if (strlen(name) >= sizeof out->name || strchr(name, '/') || name[0] == '.')
        return bad_input("cannot read '%s': '%s' is no point's name", path, name);
    snprintf(out->name, sizeof out->name, "%s", name);
    return STATUS_OK;
}

static enum status read_study(const struct json *object, const char *path, struct study_points *out)
{
    const struct json *train, *points;
    TRY(json_need_kind(object, "train", JSON_KIND_ARRAY, path, &train));
    TRY(json_need_kind(object, "points", JSON_KIND_ARRAY, path, &points));
    for (int64_t i = 0; i < json_length(train); i++) {
        if (json_kind_of(json_item(train, i)) != JSON_KIND_STRING)
            return bad_input("cannot read '%s': 'train' is no list of words", path);
        word_list_add(&out->train, json_text(json_item(train, i)));
    }
    out->points = memory_alloc_zeroed((size_t)json_length(points) + 1, sizeof *out->points);
    for (; out->count < json_length(points); out->count++)
        TRY(read_point(json_item(points, out->count), path, &out->points[out->count]));
    return STATUS_OK;
}

enum status study_points_read(const char *folder, struct study_points *out)
{
    struct json *object = NULL;
    char *path = path_join(folder, STUDY_FILE);
    *out = (struct study_points){ .points = NULL };
    enum status status = json_read(path, STUDY_BYTES_MAX, &object);
    if (status == STATUS_OK)
        status = read_study(object, path, out);
    if (status != STATUS_OK)
        study_points_release(out);
    json_free(object);
    memory_free(path);
    return status;
}

const struct study_point *study_points_find(const struct study_points *study, int64_t nodes,
                                            int64_t index)
{
    for (int64_t i = 0; i < study->count; i++)
        if (study->points[i].nodes == nodes && index-- == 0)
            return &study->points[i];
    return NULL;
}
