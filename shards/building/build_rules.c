#include "shards/building/build_rules.h"

#include "base/status.h"
#include "shards/building/lot.h"
#include "shards/quality/quality.h"

/* | the reader's verdicts | quality's rules | exact duplicate | near duplicate | */
int build_rule_of_reader(enum reader_verdict verdict)
{
    CHECK(verdict != READER_DOCUMENT && verdict != READER_END, "verdict %d rejects nothing",
          (int)verdict);
    return (int)verdict;
}

int build_rule_of_quality(int rule)
{
    return READER_VERDICT_COUNT + rule;
}

int build_rule_exact_duplicate(void)
{
    return READER_VERDICT_COUNT + quality_rule_count();
}

int build_rule_near_duplicate(void)
{
    return build_rule_exact_duplicate() + 1;
}

int build_rule_count(void)
{
    int count = build_rule_near_duplicate() + 1;
    CHECK(count <= LOT_MAX_RULES, "%d rules, and room for %d", count, LOT_MAX_RULES);
    return count;
}

const char *build_rule_name(int rule)
{
    if (rule < READER_VERDICT_COUNT)
        return reader_verdict_names[rule];
    if (rule < build_rule_exact_duplicate())
        return quality_rule_name(rule - READER_VERDICT_COUNT);
    return rule == build_rule_exact_duplicate() ? "exact_duplicate" : "near_duplicate";
}
