/* line_pattern: does a line match a pattern that the user gave? PCRE2, in UTF
 * mode; a character class never matches bytes that are not UTF-8. */
#ifndef SHARDS_LINE_PATTERN_H
#define SHARDS_LINE_PATTERN_H

#include <stddef.h>

#include "base/status.h"

struct line_pattern;

/* A pattern that PCRE2 refuses is bad input, with its reason and place. */
enum status line_pattern_compile(const char *pattern, struct line_pattern **out);
/* Bad input where the pattern needs more work on this line than PCRE2's limits allow. */
enum status line_pattern_match(const struct line_pattern *pattern, const char *line, size_t length,
                               bool *matches);
void line_pattern_free(struct line_pattern *pattern); /* NULL is allowed */

#endif
