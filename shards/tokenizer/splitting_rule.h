/* splitting_rule: where text is cut into the pieces within which tokens merge.
 *
 *   gpt2     OpenAI, gpt-2/src/encoder.py; also r50k and p50k
 *   cl100k   OpenAI, tiktoken_ext/openai_public.py; GPT-3.5 and GPT-4
 *   llama3   Meta, llama3/llama/tokenizer.py; differs from cl100k only in white
 *            space with a line end in it at the end of a text: there cl100k cuts
 *            nothing, llama3 after the last line end
 *
 * docs/tokenizer.md spells them out. text_splitter does them.
 */
#ifndef SHARDS_SPLITTING_RULE_H
#define SHARDS_SPLITTING_RULE_H

#include "base/status.h"

enum splitting_rule { SPLITTING_GPT2, SPLITTING_CL100K, SPLITTING_LLAMA3, SPLITTING_COUNT };
extern const char *const splitting_rule_names[SPLITTING_COUNT + 1]; /* NULL at the end */

/* The rule as a regular expression of Oniguruma's, for tokenizer.json. */
const char *splitting_rule_pattern(enum splitting_rule rule);
/* The rule that a tokenizer.json spells so, or in another known way; false: it is none of them. */
bool splitting_rule_of_pattern(const char *pattern, enum splitting_rule *rule);

#endif
