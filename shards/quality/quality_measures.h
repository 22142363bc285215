/* quality_measures: what the families of rules measure of a text.
 *
 * Each fills values[rule] for the rules of its family (quality_rules.h). Fractions
 * of nothing are 0.
 */
#ifndef SHARDS_QUALITY_MEASURES_H
#define SHARDS_QUALITY_MEASURES_H

#include "shards/tokenizer/id_table.h"
#include "shards/quality/quality_rules.h"
#include "shards/quality/text_lines.h"

void gopher_measure(struct text_span text, double values[QUALITY_RULES]);

/* Scratch of the repetition rules: arrays of a text's words, which grow as needed. */
struct repetition {
    struct id_table table;
    uint64_t *hashes; /* [words] */
    uint32_t *ends;   /* [words + 1] characters before word i, without spaces */
    uint32_t *ids;    /* [words] number of the n-gram that starts there, if it stands elsewhere */
    uint32_t *places; /* [words] where such n-grams start, ascending */
    uint32_t *counts; /* [words] how often an n-gram stands in the text, by its number */
    size_t capacity, words;
};

void repetition_init(struct repetition *repetition);
void repetition_release(struct repetition *repetition);
void repetition_measure(struct repetition *repetition, struct text_span text,
                        double values[QUALITY_RULES]);

/* Judges lines first: drops those that its rules reject, which shortens `text`. */
void c4_measure(const struct quality_rules *rules, struct strbuf *text,
                double values[QUALITY_RULES]);

void fineweb_measure(struct id_table *table, struct text_span text, double values[QUALITY_RULES]);

static inline double quality_fraction(size_t part, size_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

#endif
