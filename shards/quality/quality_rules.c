#include "shards/quality/quality_rules.h"

#include <string.h>

#include "base/memory.h"
#include "shards/quality/bad_words.h"
#include "shards/quality/quality.h"

struct rule_row {
    const char *name;
    enum quality_set set;
    enum quality_kind kind;
    double published;
};

#define RULE_ROW(number, key, set, kind, published, help) [number] = { key, set, kind, published },
static const struct rule_row rows[QUALITY_RULES] = {
    [QUALITY_LANGUAGE] = { "language", NO_SET, SWITCH, 0 }, QUALITY_ROWS(RULE_ROW)
};
#undef RULE_ROW

/* The last: of rules that are in no set. */
static const char *const set_names[] = { "gopher", "gopher_repetition", "c4", "fineweb", NULL };
static const char *const set_sources[] = {
    "Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, quality filtering",
    "Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, table A1",
    "Raffel et al. 2020, JMLR 21, section 2.2, and its code",
    "Penedo et al. 2024, arXiv 2406.17557, section 3.6",
};

#define AT(member) offsetof(struct quality_rules, member)

/* clang-format off */
#define OPTION_ROW(number, row_key, set, kind, published, row_help)                                \
    { .key = row_key, .type = OPTION_TEXT, .offset = AT(given[number]), .default_text = "",        \
      .help = row_help "; " HELP_##kind(published) },
#define HELP_AT_LEAST(published)  "published: " #published
#define HELP_AT_MOST(published)   "published: " #published
#define HELP_SWITCH(published)    "published: on"
#define HELP_WORD_FILE(published) "empty: none"

const struct option_spec quality_options[] = {
    { .key = "quality", .type = OPTION_TEXT, .offset = AT(sets), .default_text = "",
      .section = "Quality",
      .help = "sets of rules, by commas, with their published thresholds: gopher, "
              "gopher_repetition, c4, fineweb; each rule's own option (on, off, a number) "
              "goes before" },
    { .key = "languages", .type = OPTION_TEXT, .offset = AT(given[QUALITY_LANGUAGE]),
      .default_text = "",
      .help = "keep documents in these only (ISO 639-3, by commas); as a WET header says, else "
              "as it is found by letters" },
    { .key = "language_confidence", .type = OPTION_NUMBER, .offset = AT(language_confidence),
      .default_text = "0.65", .min = 0, .max = 1,
      .help = "how sure a language must be that was found by letters" },
    QUALITY_ROWS(OPTION_ROW)
    { 0 }
};
/* clang-format on */

int quality_rule_count(void)
{
    return QUALITY_RULES;
}

const char *quality_rule_name(int rule)
{
    return rows[rule].name;
}

const char *quality_rule_source(int rule)
{
    if (rule == C4_BAD_WORDS)
        return set_sources[C4];
    return rows[rule].set == NO_SET ? "docs/quality.md, languages" : set_sources[rows[rule].set];
}

static enum status turn_on_set(struct quality_rules *rules, const char *name)
{
    int set = 0;
    while (set_names[set] && strcmp(set_names[set], name) != 0)
        set++;
    if (!set_names[set]) {
        const char *near = nearest_word(name, set_names);
        return bad_input("--quality: unknown set '%s'%s%s%s", name, near ? "; did you mean '" : "",
                         near ? near : "", near ? "'?" : "");
    }
    for (int rule = 0; rule < QUALITY_RULES; rule++)
        if ((int)rows[rule].set == set)
            rules->is_on[rule] = true;
    return STATUS_OK;
}

static enum status turn_on_sets(struct quality_rules *rules)
{
    enum status status = STATUS_OK;
    for (const char *at = rules->sets; *at && status == STATUS_OK;) {
        const size_t length = strcspn(at, ",");
        struct strbuf name = STRBUF_INIT;
        strbuf_add(&name, at, length);
        status = turn_on_set(rules, name.bytes);
        strbuf_release(&name);
        at += length + (at[length] == ',');
    }
    return status;
}

/* Three letters, and three more after each comma. */
static enum status check_languages(const char *list)
{
    for (const char *at = list;; at += 4) {
        for (int i = 0; i < 3; i++)
            if (at[i] < 'a' || at[i] > 'z')
                return bad_input("--languages: '%s' is no list of codes of three letters "
                                 "(ISO 639-3), as 'eng,deu'",
                                 list);
        if (!at[3])
            return STATUS_OK;
        if (at[3] != ',')
            return bad_input("--languages: '%s' is no list of codes of three letters "
                             "(ISO 639-3), as 'eng,deu'",
                             list);
    }
}

static enum status take_option(struct quality_rules *rules, int rule)
{
    const struct rule_row *row = &rows[rule];
    const char *given = rules->given[rule];
    rules->threshold[rule] = row->published;
    if (!*given)
        return STATUS_OK;
    if (rule == QUALITY_LANGUAGE)
        TRY(check_languages(given));
    rules->is_on[rule] = strcmp(given, "off") != 0;
    if (rule == QUALITY_LANGUAGE || row->kind == WORD_FILE || !rules->is_on[rule] ||
        strcmp(given, "on") == 0)
        return STATUS_OK;
    if (row->kind == SWITCH)
        return bad_input("--%s: '%s' is neither on nor off", row->name, given);

    const struct option_spec number[] = {
        { .key = row->name, .type = OPTION_NUMBER, .min = 0, .max = 1e12 }, { 0 }
    };
    struct strbuf source = STRBUF_INIT;
    strbuf_addf(&source, "--%s (on, off or a number)", row->name);
    enum status status =
        options_set(number, &rules->threshold[rule], row->name, given, source.bytes);
    strbuf_release(&source);
    return status;
}

enum status quality_rules_complete(struct quality_rules *rules)
{
    rules->bad_words = NULL;
    for (int rule = 0; rule < QUALITY_RULES; rule++)
        rules->is_on[rule] = false;
    TRY(turn_on_sets(rules));
    for (int rule = 0; rule < QUALITY_RULES; rule++)
        TRY(take_option(rules, rule));
    if (rules->is_on[C4_BAD_WORDS])
        TRY(bad_words_read(rules->given[C4_BAD_WORDS], &rules->bad_words));
    return STATUS_OK;
}

void quality_rules_release(struct quality_rules *rules)
{
    bad_words_free(rules->bad_words);
    rules->bad_words = NULL;
}

void quality_rules_print(const struct quality_rules *rules, struct strbuf *out)
{
    for (int rule = 0; rule < QUALITY_RULES; rule++) {
        if (!rules->is_on[rule])
            continue;
        strbuf_addf(out, "%s ", rows[rule].name);
        if (rule == QUALITY_LANGUAGE) {
            strbuf_addf(out, "%s, confidence ", rules->given[rule]);
            strbuf_add_number(out, rules->language_confidence);
        } else if (rule == C4_BAD_WORDS) {
            strbuf_addf(out, "sha256 %s", bad_words_digest(rules->bad_words));
        } else {
            strbuf_add_number(out, rules->threshold[rule]);
        }
        strbuf_add_char(out, '\n');
    }
}

bool quality_rules_any(const struct quality_rules *rules, int first, int end)
{
    for (int rule = first; rule < end; rule++)
        if (rules->is_on[rule])
            return true;
    return false;
}

bool quality_rule_rejects(const struct quality_rules *rules, int rule, double value)
{
    if (!rules->is_on[rule])
        return false;
    switch (rows[rule].kind) {
    case AT_LEAST:
        return value < rules->threshold[rule];
    case AT_MOST:
        return value > rules->threshold[rule];
    default:
        return value != 0;
    }
}
