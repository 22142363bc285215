/* corpus_report: what a build read, and what it left out by which rule. */
#ifndef SHARDS_CORPUS_REPORT_H
#define SHARDS_CORPUS_REPORT_H

#include "base/json.h"
#include "base/status.h"

struct rule_count {
    int64_t documents, bytes; /* of text */
};

struct corpus_report {
    struct rule_count read; /* all that the inputs hold */
    struct rejected_count {
        char *rule;
        struct rule_count count;
    } * rejected; /* rules that left out something, in the order of their use */
    int64_t rejected_count;
};

void corpus_report_add(struct corpus_report *report, const char *rule, struct rule_count count);
void corpus_report_release(struct corpus_report *report);

/* The member "report" of corpus.json's provenance. */
struct json *corpus_report_to_json(const struct corpus_report *report);
enum status corpus_report_read(const struct json *object, const char *source,
                               struct corpus_report *out);

/* Zero where nothing was left out by the rule. */
struct rule_count corpus_report_rejected(const struct corpus_report *report, const char *rule);

#endif
