/* tokenizer_stages: the stages of a tokenizer.json around its model: what cuts
 * the text (pre_tokenizer), puts marks around it (post_processor), and the
 * like. Read are those that byte-level BPE needs (those of SentencePiece's kind:
 * blank_stages); what would change ids and is not done here is refused by its name.
 */
#ifndef SHARDS_TOKENIZER_STAGES_H
#define SHARDS_TOKENIZER_STAGES_H

#include "base/json.h"
#include "shards/tokenizer/splitting_rule.h"

/* Reads all stages of `root`, a byte-level tokenizer's, and by which rule they cut. */
enum status tokenizer_stages_read(const struct json *root, const char *source,
                                  enum splitting_rule *rule);
/* Puts the stages of a tokenizer with this rule into `root`. */
void tokenizer_stages_put(struct json *root, enum splitting_rule rule);

/* Those that are the same for every kind: truncation, padding, post_processor. */
enum status tokenizer_stages_check_others(const struct json *root, const char *source);

typedef enum status tokenizer_stage_reader(const struct json *stage, const char *source,
                                           void *result);
/* Reads `key` of the root: nothing, a stage, or a Sequence with stages as its member `items`. */
enum status tokenizer_stages_each(const struct json *root, const char *key, const char *items,
                                  const char *source, tokenizer_stage_reader *read, void *result);

/* The member is there, and neither null nor false. */
bool tokenizer_stage_is_set(const struct json *object, const char *key);
/* The member's text, or NULL. */
const char *tokenizer_stage_text(const struct json *object, const char *key);
/* "cannot use tokenizer 'SOURCE': its WHAT 'VALUE' is not supported"; `value` may be NULL. */
enum status tokenizer_stage_refuse(const char *source, const char *what, const char *value);

#endif
