/* quality: published rules of thumb for text worth training on.
 *
 * Each rule is a row of one table, with the name by which rejected documents are
 * counted, the key of its option, its published threshold, and its source. A rule
 * is off unless its option is given. Some rules mend instead of rejecting (C4
 * drops lines); judging is a function of text and rules alone.
 */
#ifndef SHARDS_QUALITY_H
#define SHARDS_QUALITY_H

#include "shards/inputs/document.h"

struct quality_rules; /* the thresholds: a settings struct for option tables; see quality_rules.h */
struct quality_judge; /* scratch, for one thread */

struct quality_judge *quality_judge_create(const struct quality_rules *rules);
void quality_judge_free(struct quality_judge *judge); /* NULL is allowed */

#define QUALITY_PASSES (-1)
/* The number of the first rule that rejects the document, or QUALITY_PASSES. May shorten the text.
 */
int quality_judge_document(struct quality_judge *judge, struct document *document);

int quality_rule_count(void);
const char *quality_rule_name(int rule);   /* "gopher_words", ... */
const char *quality_rule_source(int rule); /* paper and section */

#endif
