#include "shards/quality/quality.h"

#include <string.h>

#include "base/memory.h"
#include "shards/quality/bad_words.h"
#include "shards/quality/language.h"
#include "shards/quality/quality_measures.h"

struct quality_judge {
    const struct quality_rules *rules;
    struct repetition repetition;
    struct id_table lines;
    double values[QUALITY_RULES]; /* of the document */
};

struct quality_judge *quality_judge_create(const struct quality_rules *rules)
{
    struct quality_judge *judge = memory_alloc_zeroed(1, sizeof *judge);
    judge->rules = rules;
    repetition_init(&judge->repetition);
    id_table_init(&judge->lines);
    return judge;
}

void quality_judge_free(struct quality_judge *judge)
{
    if (!judge)
        return;
    id_table_release(&judge->lines);
    repetition_release(&judge->repetition);
    memory_free(judge);
}

/* Whether the first code of `list` is among `kept`: both of three letters, by commas. */
static bool is_kept_language(const char *list, const char *kept)
{
    for (; strlen(kept) >= 3; kept += 3 + (kept[3] == ','))
        if (strncmp(list, kept, 3) == 0)
            return true;
    return false;
}

/* 0: keep. A header that names the language is believed. */
static double measure_language(const struct quality_judge *judge, const struct document *document)
{
    const char *kept = judge->rules->given[QUALITY_LANGUAGE];
    if (document->language[0] != '\0')
        return !is_kept_language(document->language, kept);
    char language[DOCUMENT_LANGUAGE_BYTES];
    double confidence;
    language_identify(document->text.bytes, document->text.length, language, &confidence);
    return !is_kept_language(language, kept) || confidence < judge->rules->language_confidence;
}

enum family { LANGUAGE, QUALITY, REPETITION, LINES, WORDS, FINE_LINES, FAMILIES };

/* Measured if a rule of first .. end - 1 is on; those from `verdicts` on may reject. */
static const struct {
    int first, verdicts, end;
} families[FAMILIES] = {
    [LANGUAGE] = { QUALITY_LANGUAGE, QUALITY_LANGUAGE, GOPHER_FIRST },
    [QUALITY] = { GOPHER_FIRST, GOPHER_FIRST, REPETITION_FIRST },
    [REPETITION] = { REPETITION_FIRST, REPETITION_FIRST, C4_FIRST },
    [LINES] = { C4_FIRST, C4_FIRST_VERDICT, C4_BAD_WORDS },
    [WORDS] = { C4_BAD_WORDS, C4_BAD_WORDS, FINEWEB_FIRST },
    [FINE_LINES] = { FINEWEB_FIRST, FINEWEB_FIRST, QUALITY_RULES },
};

static void measure(struct quality_judge *judge, enum family family, struct document *document)
{
    const struct text_span text = { document->text.bytes, document->text.length };
    switch (family) {
    case LANGUAGE:
        judge->values[QUALITY_LANGUAGE] = measure_language(judge, document);
        break;
    case QUALITY:
        gopher_measure(text, judge->values);
        break;
    case REPETITION:
        repetition_measure(&judge->repetition, text, judge->values);
        break;
    case LINES:
        c4_measure(judge->rules, &document->text, judge->values);
        break;
    case WORDS:
        judge->values[C4_BAD_WORDS] =
            bad_words_in(judge->rules->bad_words, text.start, text.length);
        break;
    default:
        fineweb_measure(&judge->lines, text, judge->values);
        break;
    }
}

int quality_judge_document(struct quality_judge *judge, struct document *document)
{
    for (int family = 0; family < FAMILIES; family++) {
        if (!quality_rules_any(judge->rules, families[family].first, families[family].end))
            continue;
        measure(judge, (enum family)family, document);
        for (int rule = families[family].verdicts; rule < families[family].end; rule++)
            if (quality_rule_rejects(judge->rules, rule, judge->values[rule]))
                return rule;
    }
    return QUALITY_PASSES;
}
