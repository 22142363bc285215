#include "shards/format/corpus_report.h"

#include <string.h>

#include "base/memory.h"

void corpus_report_add(struct corpus_report *report, const char *rule, struct rule_count count)
{
    if (count.documents == 0)
        return;
    report->rejected = memory_realloc(report->rejected, (size_t)(report->rejected_count + 1) *
                                                            sizeof *report->rejected);
    report->rejected[report->rejected_count++] =
        (struct rejected_count){ memory_copy_string(rule), count };
}

void corpus_report_release(struct corpus_report *report)
{
    for (int64_t i = 0; i < report->rejected_count; i++)
        memory_free(report->rejected[i].rule);
    memory_free(report->rejected);
    *report = (struct corpus_report){ 0 };
}

struct rule_count corpus_report_rejected(const struct corpus_report *report, const char *rule)
{
    for (int64_t i = 0; i < report->rejected_count; i++)
        if (strcmp(report->rejected[i].rule, rule) == 0)
            return report->rejected[i].count;
    return (struct rule_count){ 0 };
}

static void put_count(struct json *object, struct rule_count count)
{
    json_put_integer(object, "documents", count.documents);
    json_put_integer(object, "bytes", count.bytes);
}

struct json *corpus_report_to_json(const struct corpus_report *report)
{
    struct json *object = json_new_object(), *rejected = json_new_object();
    put_count(object, report->read);
    for (int64_t i = 0; i < report->rejected_count; i++) {
        struct json *rule = json_new_object();
        put_count(rule, report->rejected[i].count);
        json_put(rejected, report->rejected[i].rule, rule);
    }
    json_put(object, "rejected", rejected);
    return object;
}

static enum status read_count(const struct json *object, const char *source,
                              struct rule_count *count)
{
    if (json_kind_of(object) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': a count of its report is not an object", source);
    TRY(json_need_integer(object, "documents", 0, INT64_MAX, source, &count->documents));
    return json_need_integer(object, "bytes", 0, INT64_MAX, source, &count->bytes);
}

enum status corpus_report_read(const struct json *object, const char *source,
                               struct corpus_report *out)
{
    const struct json *rejected, *value;
    const char *rule;
    void *cursor = NULL;
    TRY(read_count(object, source, &out->read));
    TRY(json_need_kind(object, "rejected", JSON_KIND_OBJECT, source, &rejected));
    while (json_next_member(rejected, &cursor, &rule, &value)) {
        struct rule_count count;
        TRY(read_count(value, source, &count));
        corpus_report_add(out, rule, count);
    }
    return STATUS_OK;
}
