/* build_rules: the names under which a build counts what it leaves out.
 *
 * One numbering for all: the reader's verdicts, the rules of quality, and the
 * two kinds of duplicates.
 */
#ifndef SHARDS_BUILD_RULES_H
#define SHARDS_BUILD_RULES_H

#include "shards/inputs/document_reader.h"

int build_rule_of_reader(enum reader_verdict verdict); /* one that rejects */
int build_rule_of_quality(int rule);
int build_rule_exact_duplicate(void);
int build_rule_near_duplicate(void);

int build_rule_count(void); /* at most LOT_MAX_RULES */
const char *build_rule_name(int rule);

#endif
