/* scaling_table: a series as lines for a person, and as JSON for programs. */
#ifndef TRAINER_REPORTS_SCALING_TABLE_H
#define TRAINER_REPORTS_SCALING_TABLE_H

#include "base/json.h"
#include "base/strbuf.h"
#include "trainer/reports/scaling_series.h"

/* Its title and a line for each point; '-' for what is not known. */
void scaling_table_print(const struct scaling_series *series, struct strbuf *out);

/* A point of it: "name", "series" (the title), "kind", "speedup", "efficiency" (null where there is
 * no other point), then all that speed.json tells. The caller frees it. */
struct json *scaling_member_to_json(const struct scaling_series *series,
                                    const struct scaling_member *member);

#endif
