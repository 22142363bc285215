/* finding: one line of `eon doctor`: what was looked at, what it is, and whether that is well.
 *
 * Findings are plain bytes without pointers, so that ranks can send them to each other.
 */
#ifndef TRAINER_COMMANDS_FINDING_H
#define TRAINER_COMMANDS_FINDING_H

#include "base/json.h"
#include "base/status.h"
#include "comm/world.h"

enum verdict {
    VERDICT_OK,
    VERDICT_WARN, /* training works, slower or on thinner ice than it could */
    VERDICT_BAD,  /* training will fail, or be wrong or hopelessly slow */
};

enum { FINDINGS_MAX = 40, FINDING_WHAT_BYTES = 24, FINDING_TEXT_BYTES = 256 };

struct finding {
    char what[FINDING_WHAT_BYTES];
    char value[FINDING_TEXT_BYTES];
    char remedy[FINDING_TEXT_BYTES]; /* empty where all is well */
    enum verdict verdict;
    bool is_shared; /* hosts of one run should have the same value: it bears on the bits */
};

struct findings {
    char host[WORLD_HOST_BYTES];
    int count;
    struct finding list[FINDINGS_MAX];
};

/* Adds a finding that is well, until finding_judge says otherwise, and what to do about it. */
struct finding *finding_add(struct findings *findings, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);
void finding_judge(struct finding *finding, enum verdict verdict, const char *remedy, ...)
    PRINTF_LIKE(3, 4);

const struct finding *finding_named(const struct findings *findings,
                                    const char *what); /* or NULL */
int findings_count(const struct findings *findings, enum verdict verdict);

void findings_print(const struct findings *findings);
struct json *findings_to_json(const struct findings *findings);

#endif
