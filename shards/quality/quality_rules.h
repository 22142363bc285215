/* quality_rules: the table of the rules of quality.h, their options and thresholds.
 *
 * A rule is on if its set is named by `quality`, with the threshold that was
 * published, or if its own option says so: "on" (as published), "off", or a number.
 * Sources, thresholds and what differs from them: docs/quality.md.
 */
#ifndef SHARDS_QUALITY_RULES_H
#define SHARDS_QUALITY_RULES_H

#include <stdbool.h>

#include "base/options.h"

/* In the order in which they judge. How the kinds reject, or mend:
 *   AT_LEAST   what is measured is below the threshold
 *   AT_MOST    what is measured is above it
 *   SWITCH     what is measured is not 0; the option is on or off
 *   WORD_FILE  the same; the option names a file that is needed
 * ROW(NAME, name and key of the option, set, kind, threshold, help) */
#define QUALITY_ROWS(ROW)                                                                          \
    ROW(GOPHER_MIN_WORDS, "gopher_min_words", GOPHER, AT_LEAST, 50,                                \
        "words that are more than punctuation: so many at least")                                  \
    ROW(GOPHER_MAX_WORDS, "gopher_max_words", GOPHER, AT_MOST, 100000, "and so many at most")      \
    ROW(GOPHER_MIN_WORD_LENGTH, "gopher_min_word_length", GOPHER, AT_LEAST, 3,                     \
        "mean characters of these words, at least")                                                \
    ROW(GOPHER_MAX_WORD_LENGTH, "gopher_max_word_length", GOPHER, AT_MOST, 10, "and at most")      \
    ROW(GOPHER_MAX_HASHES, "gopher_max_hashes", GOPHER, AT_MOST, 0.1, "'#' for each word")         \
    ROW(GOPHER_MAX_ELLIPSES, "gopher_max_ellipses", GOPHER, AT_MOST, 0.1,                          \
        "ellipses for each word")                                                                  \
    ROW(GOPHER_MAX_BULLET_LINES, "gopher_max_bullet_lines", GOPHER, AT_MOST, 0.9,                  \
        "fraction of lines that begin with a bullet or '-'")                                       \
    ROW(GOPHER_MAX_ELLIPSIS_LINES, "gopher_max_ellipsis_lines", GOPHER, AT_MOST, 0.3,              \
        "fraction of lines that end in an ellipsis")                                               \
    ROW(GOPHER_MIN_ALPHABETIC, "gopher_min_alphabetic", GOPHER, AT_LEAST, 0.8,                     \
        "fraction of words with a letter, at least")                                               \
    ROW(GOPHER_MIN_STOP_WORDS, "gopher_min_stop_words", GOPHER, AT_LEAST, 2,                       \
        "different ones of the, be, to, of, and, that, have, with: so many at least")              \
    ROW(GOPHER_DUPLICATE_PARAGRAPHS, "gopher_duplicate_paragraphs", GOPHER_REPETITION, AT_MOST,    \
        0.3, "fraction of paragraphs that stood before")                                           \
    ROW(GOPHER_DUPLICATE_PARAGRAPH_CHARACTERS, "gopher_duplicate_paragraph_characters",            \
        GOPHER_REPETITION, AT_MOST, 0.2, "fraction of characters in them")                         \
    ROW(GOPHER_DUPLICATE_LINES, "gopher_duplicate_lines", GOPHER_REPETITION, AT_MOST, 0.3,         \
        "fraction of lines that stood before")                                                     \
    ROW(GOPHER_DUPLICATE_LINE_CHARACTERS, "gopher_duplicate_line_characters", GOPHER_REPETITION,   \
        AT_MOST, 0.2, "fraction of characters in them")                                            \
    ROW(GOPHER_TOP_2_GRAM, "gopher_top_2_gram", GOPHER_REPETITION, AT_MOST, 0.2,                   \
        "fraction of characters in the most frequent pair of words")                               \
    ROW(GOPHER_TOP_3_GRAM, "gopher_top_3_gram", GOPHER_REPETITION, AT_MOST, 0.18,                  \
        "in the most frequent three words")                                                        \
    ROW(GOPHER_TOP_4_GRAM, "gopher_top_4_gram", GOPHER_REPETITION, AT_MOST, 0.16,                  \
        "in the most frequent four words")                                                         \
    ROW(GOPHER_DUPLICATE_5_GRAMS, "gopher_duplicate_5_grams", GOPHER_REPETITION, AT_MOST, 0.15,    \
        "fraction of characters in 5 words that stood before")                                     \
    ROW(GOPHER_DUPLICATE_6_GRAMS, "gopher_duplicate_6_grams", GOPHER_REPETITION, AT_MOST, 0.14,    \
        "in 6 words that stood before")                                                            \
    ROW(GOPHER_DUPLICATE_7_GRAMS, "gopher_duplicate_7_grams", GOPHER_REPETITION, AT_MOST, 0.13,    \
        "in 7 words that stood before")                                                            \
    ROW(GOPHER_DUPLICATE_8_GRAMS, "gopher_duplicate_8_grams", GOPHER_REPETITION, AT_MOST, 0.12,    \
        "in 8 words that stood before")                                                            \
    ROW(GOPHER_DUPLICATE_9_GRAMS, "gopher_duplicate_9_grams", GOPHER_REPETITION, AT_MOST, 0.11,    \
        "in 9 words that stood before")                                                            \
    ROW(GOPHER_DUPLICATE_10_GRAMS, "gopher_duplicate_10_grams", GOPHER_REPETITION, AT_MOST, 0.1,   \
        "in 10 words that stood before")                                                           \
    ROW(C4_LINE_WORD_LENGTH, "c4_line_word_length", C4, AT_MOST, 1000,                             \
        "drop lines with a word of more characters")                                               \
    ROW(C4_CITATIONS, "c4_citations", C4, SWITCH, 1,                                               \
        "drop Wikipedia's [1], [edit] and [citation needed]")                                      \
    ROW(C4_LINE_PUNCTUATION, "c4_line_punctuation", C4, SWITCH, 1,                                 \
        "drop lines that do not end in . ? ! or a quotation mark")                                 \
    ROW(C4_LINE_WORDS, "c4_line_words", C4, AT_LEAST, 5, "drop lines of fewer words")              \
    ROW(C4_JAVASCRIPT, "c4_javascript", C4, SWITCH, 1, "drop lines that name JavaScript")          \
    ROW(C4_POLICY, "c4_policy", C4, SWITCH, 1, "drop lines about cookies and terms of use")        \
    ROW(C4_LOREM_IPSUM, "c4_lorem_ipsum", C4, SWITCH, 1, "reject documents with 'lorem ipsum'")    \
    ROW(C4_CURLY_BRACKET, "c4_curly_bracket", C4, SWITCH, 1, "reject documents with '{'")          \
    ROW(C4_SENTENCES, "c4_sentences", C4, AT_LEAST, 3,                                             \
        "sentences in the lines that are left, at least")                                          \
    ROW(C4_BAD_WORDS, "c4_bad_words", NO_SET, WORD_FILE, 0,                                        \
        "reject documents with a word of this file, one a line")                                   \
    ROW(FINEWEB_LINE_PUNCTUATION, "fineweb_line_punctuation", FINEWEB, AT_LEAST, 0.12,             \
        "fraction of lines that end with punctuation, at least")                                   \
    ROW(FINEWEB_SHORT_LINES, "fineweb_short_lines", FINEWEB, AT_MOST, 0.67,                        \
        "fraction of lines of at most 30 characters")                                              \
    ROW(FINEWEB_DUPLICATE_CHARACTERS, "fineweb_duplicate_characters", FINEWEB, AT_MOST, 0.1,       \
        "fraction of characters in lines that stood before")

#define QUALITY_NUMBER(name, ...) name,
enum quality_rule { QUALITY_LANGUAGE, QUALITY_ROWS(QUALITY_NUMBER) QUALITY_RULES };
#undef QUALITY_NUMBER

enum quality_set { GOPHER, GOPHER_REPETITION, C4, FINEWEB, QUALITY_SETS, NO_SET = QUALITY_SETS };
enum quality_kind { AT_LEAST, AT_MOST, SWITCH, WORD_FILE };

/* The rules of a family judge by one function: see quality_measures.h. */
enum {
    GOPHER_FIRST = GOPHER_MIN_WORDS,
    REPETITION_FIRST = GOPHER_DUPLICATE_PARAGRAPHS,
    C4_FIRST = C4_LINE_WORD_LENGTH,
    C4_FIRST_VERDICT = C4_LOREM_IPSUM, /* the rules before it drop lines only */
    FINEWEB_FIRST = FINEWEB_LINE_PUNCTUATION,
};

struct bad_words;

struct quality_rules {
    /* Settings, by quality_options. */
    char *sets; /* "gopher,c4" */
    char
        *given[QUALITY_RULES]; /* what the option of each rule says; [QUALITY_LANGUAGE]: the list */
    double language_confidence;
    /* By quality_rules_complete. */
    bool is_on[QUALITY_RULES];
    double threshold[QUALITY_RULES];
    struct bad_words *bad_words; /* or NULL */
};

/* Settings of a struct quality_rules; a command's table takes them with options_append. */
extern const struct option_spec quality_options[];

/* Reads the settings into the rest, and the file of bad words. Settings belong to who has them:
 * a copy of the struct may be completed, and released. */
enum status quality_rules_complete(struct quality_rules *rules);
void quality_rules_release(struct quality_rules *rules); /* what quality_rules_complete made */

/* Appends all that decides the verdicts, a line a rule that is on: for digests and records. */
void quality_rules_print(const struct quality_rules *rules, struct strbuf *out);

/* Whether a rule of first .. end - 1 is on. */
bool quality_rules_any(const struct quality_rules *rules, int first, int end);

/* Whether the rule is on and rejects a document of which it measured `value`. */
bool quality_rule_rejects(const struct quality_rules *rules, int rule, double value);

#endif
