#include "shards/quality/quality.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "shards/quality/bad_words.h"
#include "shards/quality/quality_measures.h"

/* An English text that every rule lets pass. */
static const char *const prose =
    "The house stood at the end of a long road, and nobody had lived there for many years.\n"
    "People said that it belonged to a man of the sea, who had gone away to find the island.\n"
    "Children used to play with stones before its door, but they never dared to enter the hall.\n"
    "One evening in winter a light was seen behind the windows, and everyone began to talk again.";

/* Rules from "key=value" arguments, NULL at the end. */
static struct quality_rules rules_of(const char *const *arguments)
{
    struct quality_rules rules;
    options_set_defaults(quality_options, &rules);
    for (; arguments && *arguments; arguments++) {
        struct strbuf key = STRBUF_INIT;
        const char *equals = strchr(*arguments, '=');
        strbuf_add(&key, *arguments, (size_t)(equals - *arguments));
        assert_int_equal(options_set(quality_options, &rules, key.bytes, equals + 1, "test"), 0);
        strbuf_release(&key);
    }
    return rules;
}

static void release(struct quality_rules *rules)
{
    quality_rules_release(rules);
    options_release(quality_options, rules);
}

/* The name of the rule that rejects the text, or "passes"; `left`: what is left of it, or NULL. */
static const char *verdict(const char *const *arguments, const char *text, const char *language,
                           struct strbuf *left)
{
    struct quality_rules rules = rules_of(arguments);
    assert_int_equal(quality_rules_complete(&rules), STATUS_OK);
    struct quality_judge *judge = quality_judge_create(&rules);
    struct document document;
    document_init(&document);
    strbuf_add_string(&document.text, text);
    snprintf(document.language, sizeof document.language, "%s", language);
    const int rule = quality_judge_document(judge, &document);
    if (left)
        strbuf_add(left, document.text.bytes, document.text.length);
    document_release(&document);
    quality_judge_free(judge);
    release(&rules);
    return rule == QUALITY_PASSES ? "passes" : quality_rule_name(rule);
}

#define ARGUMENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void nothing_is_judged_by_default(void **state)
{
    (void)state;
    struct strbuf left = STRBUF_INIT;
    const char *text = "{ javascript }\n\n\n";
    assert_string_equal(verdict(NULL, text, "", &left), "passes");
    assert_string_equal(left.bytes, text);
    assert_string_equal(verdict(NULL, "", "", NULL), "passes");
    strbuf_release(&left);
}

static void prose_passes_every_set(void **state)
{
    (void)state;
    struct strbuf left = STRBUF_INIT;
    const char *const *all = ARGUMENTS("quality=gopher,gopher_repetition,c4,fineweb");
    assert_string_equal(verdict(all, prose, "", &left), "passes");
    assert_string_equal(left.bytes, prose);
    strbuf_release(&left);
}

static void an_own_option_goes_before_the_set(void **state)
{
    (void)state;
    assert_string_equal(verdict(ARGUMENTS("quality=gopher"), "Too short.", "", NULL),
                        "gopher_min_words");
    assert_string_equal(verdict(ARGUMENTS("quality=gopher", "gopher_min_words=2"),
                                "Still much too short.", "", NULL),
                        "gopher_min_stop_words");
    assert_string_equal(
        verdict(ARGUMENTS("quality=gopher", "gopher_min_words=off", "gopher_min_stop_words=0"),
                "Still much too short.", "", NULL),
        "passes");
    assert_string_equal(verdict(ARGUMENTS("gopher_min_words=on"), "Too short.", "", NULL),
                        "gopher_min_words");
}

static void assert_refused(const char *argument, const char *message)
{
    struct quality_rules rules = rules_of(ARGUMENTS(argument));
    assert_int_equal(quality_rules_complete(&rules), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), message);
    release(&rules);
}

static void settings_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    assert_refused("quality=gophr", "--quality: unknown set 'gophr'; did you mean 'gopher'?");
    assert_refused("c4_policy=3", "--c4_policy: '3' is neither on nor off");
    assert_refused("gopher_min_words=x",
                   "--gopher_min_words (on, off or a number): 'x' is not a finite number");
    assert_refused("languages=en", "--languages: 'en' is no list of codes of three letters "
                                   "(ISO 639-3), as 'eng,deu'");
    assert_refused("c4_bad_words=/nowhere", "cannot open '/nowhere': No such file or directory");
}

static void rules_are_printed_as_they_judge(void **state)
{
    (void)state;
    struct quality_rules rules =
        rules_of(ARGUMENTS("quality=fineweb", "fineweb_short_lines=0.5", "languages=eng,deu"));
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(quality_rules_complete(&rules), STATUS_OK);
    quality_rules_print(&rules, &text);
    assert_string_equal(text.bytes, "language eng,deu, confidence 0.65\n"
                                    "fineweb_line_punctuation 0.12\n"
                                    "fineweb_short_lines 0.5\n"
                                    "fineweb_duplicate_characters 0.1\n");
    strbuf_release(&text);
    release(&rules);
}

static void every_rule_has_a_name_and_a_source(void **state)
{
    (void)state;
    assert_int_equal(quality_rule_count(), QUALITY_RULES);
    for (int rule = 0; rule < quality_rule_count(); rule++) {
        assert_true(strlen(quality_rule_name(rule)) > 3);
        assert_true(strlen(quality_rule_source(rule)) > 3);
    }
}

static void measure_gopher(const char *text, double *values)
{
    gopher_measure((struct text_span){ text, strlen(text) }, values);
}

static void gopher_counts_words_and_lines(void **state)
{
    (void)state;
    double values[QUALITY_RULES];
    measure_gopher("- The cat, and 42 # dogs...\n\u2022 sat on it\u2026\nwith ease\n", values);
    /* - The cat , and 42 # dogs ... • sat on it … with ease */
    assert_int_equal(values[GOPHER_MIN_WORDS], 10);
    assert_true(fabs(values[GOPHER_MIN_WORD_LENGTH] - 30 / 10.0) < 1e-12);
    assert_true(fabs(values[GOPHER_MAX_HASHES] - 1 / 16.0) < 1e-12);
    assert_true(fabs(values[GOPHER_MAX_ELLIPSES] - 2 / 16.0) < 1e-12);
    assert_true(fabs(values[GOPHER_MIN_ALPHABETIC] - 9 / 16.0) < 1e-12);
    assert_int_equal(values[GOPHER_MIN_STOP_WORDS], 2);
    assert_true(fabs(values[GOPHER_MAX_BULLET_LINES] - 2 / 3.0) < 1e-12);
    assert_true(fabs(values[GOPHER_MAX_ELLIPSIS_LINES] - 2 / 3.0) < 1e-12);
    measure_gopher("", values);
    assert_int_equal(values[GOPHER_MIN_WORDS], 0);
}

static void measure_repetition(const char *text, double *values)
{
    struct repetition repetition;
    repetition_init(&repetition);
    repetition_measure(&repetition, (struct text_span){ text, strlen(text) }, values);
    repetition_release(&repetition);
}

static void repeated_lines_and_paragraphs_are_counted(void **state)
{
    (void)state;
    double values[QUALITY_RULES];
    measure_repetition("ab\nab\n\nxyz\n\n\nxyz", values); /* 16 characters */
    assert_true(fabs(values[GOPHER_DUPLICATE_PARAGRAPHS] - 1 / 3.0) < 1e-12);
    assert_true(fabs(values[GOPHER_DUPLICATE_PARAGRAPH_CHARACTERS] - 3 / 16.0) < 1e-12);
    assert_true(fabs(values[GOPHER_DUPLICATE_LINES] - 2 / 4.0) < 1e-12);
    assert_true(fabs(values[GOPHER_DUPLICATE_LINE_CHARACTERS] - 5 / 16.0) < 1e-12);
}

static void repeated_ngrams_are_counted(void **state)
{
    (void)state;
    double values[QUALITY_RULES];
    measure_repetition("a b c d e f a b c d e g a b", values); /* 27 characters */
    assert_true(fabs(values[GOPHER_TOP_2_GRAM] - 3 * 3 / 27.0) < 1e-12);
    assert_true(fabs(values[GOPHER_TOP_3_GRAM] - 2 * 5 / 27.0) < 1e-12);
    assert_true(fabs(values[GOPHER_TOP_4_GRAM] - 2 * 7 / 27.0) < 1e-12);
    assert_true(fabs(values[GOPHER_DUPLICATE_5_GRAMS] - 5 / 27.0) < 1e-12);
    assert_int_equal(values[GOPHER_DUPLICATE_6_GRAMS], 0);
    measure_repetition("a b", values);
    assert_true(fabs(values[GOPHER_TOP_2_GRAM] - 1) < 1e-12);
    assert_int_equal(values[GOPHER_TOP_3_GRAM], 0);
}

/* Against counting by comparing all n-grams with all before them. */
static void ngrams_of_random_words_are_those_found_by_comparing(void **state)
{
    (void)state;
    double values[QUALITY_RULES];
    char text[2 * 3000 + 1];
    srand(1);
    for (int letters = 2; letters <= 6; letters++) {
        const int words = 1500;
        for (int i = 0; i < words; i++) {
            text[2 * i] = (char)('a' + rand() % letters);
            text[2 * i + 1] = ' ';
        }
        text[2 * words] = 0;
        measure_repetition(text, values);
        for (int n = 5; n <= 10; n++) {
            int repeated = 0;
            char visited[3000] = { 0 };
            for (int i = 0; i + n <= words;) {
                bool found = false;
                for (int j = 0; j < i && !found; j++)
                    found = visited[j] && memcmp(text + 2 * i, text + 2 * j, (size_t)(2 * n)) == 0;
                visited[i] = !found;
                repeated += found ? n : 0;
                i += found ? n : 1;
            }
            const double expected = repeated / (2.0 * words);
            assert_true(fabs(values[GOPHER_DUPLICATE_5_GRAMS + n - 5] - expected) < 1e-12);
        }
    }
}

static void assert_left(const char *option, const char *text, const char *expected)
{
    struct strbuf left = STRBUF_INIT;
    assert_string_equal(verdict(ARGUMENTS(option), text, "", &left), "passes");
    assert_string_equal(left.bytes, expected);
    strbuf_release(&left);
}

static void c4_drops_lines(void **state)
{
    (void)state;
    assert_left("c4_line_punctuation=on", "Home\nIt is.\nReally?\nWait...\n  \"Yes\" \n\nNo;",
                "It is.\nReally?\n\"Yes\"");
    assert_left("c4_line_words=3", "one two\none two three\n\none two\u00a0three",
                "one two three\none two\u00a0three");
    assert_left("c4_line_word_length=4", "abcd abc\nab abcde\n", "abcd abc");
    assert_left("c4_javascript=on", "Turn on JavaScript now\nor not", "or not");
    assert_left("c4_policy=on", "See our Privacy Policy\nWe use cookies.\nTerms of use\nkept",
                "kept");
    assert_left("c4_citations=on", "True.[1] Not[citation needed] so[edit][x][]\nplain",
                "True. Not so[x]\nplain");
}

static void c4_judges_what_is_left(void **state)
{
    (void)state;
    const char *const *c4 = ARGUMENTS("quality=c4");
    assert_string_equal(verdict(c4, "One two three four five. And six!", "", NULL), "c4_sentences");
    assert_string_equal(verdict(c4, "One two three four five. And six! Seven?", "", NULL),
                        "passes");
    assert_string_equal(verdict(c4, "Mr. J. Smith paid 3.50 to e.g. NASA.", "", NULL),
                        "c4_sentences");
    assert_string_equal(verdict(c4, "Here is Lorem Ipsum for you. And. More. Text. Now.", "", NULL),
                        "c4_lorem_ipsum");
    assert_string_equal(verdict(c4, "Here is a { for you. And. More. Text. Now.", "", NULL),
                        "c4_curly_bracket");
    assert_string_equal(
        verdict(c4, "Dropped {\nOne two three four five. And. Then. More.", "", NULL), "passes");
    assert_string_equal(verdict(c4, "", "", NULL), "c4_sentences");
}

static void fineweb_judges_lines(void **state)
{
    (void)state;
    const char *const *fineweb = ARGUMENTS("quality=fineweb");
    assert_string_equal(verdict(fineweb, "no end\n\nnone", "", NULL), "fineweb_line_punctuation");
    assert_string_equal(verdict(fineweb, "Short.\nLine.", "", NULL), "fineweb_short_lines");
    assert_string_equal(verdict(fineweb,
                                "The same line, which is long enough for all.\n"
                                "The same line, which is long enough for all.",
                                "", NULL),
                        "fineweb_duplicate_characters");
}

static void bad_words_are_found_whole(void **state)
{
    (void)state;
    char path[] = "/tmp/bad_words_XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    const char *list = "Darn\n\nbad phrase here\n悪\n";
    assert_int_equal(write(descriptor, list, strlen(list)), (ssize_t)strlen(list));
    close(descriptor);
    struct strbuf option = STRBUF_INIT;
    strbuf_addf(&option, "c4_bad_words=%s", path);
    const char *const *rules = ARGUMENTS(option.bytes);
    assert_string_equal(verdict(rules, "Oh, darn!", "", NULL), "c4_bad_words");
    assert_string_equal(verdict(rules, "Darning a sock", "", NULL), "passes");
    assert_string_equal(verdict(rules, "a bad-phrase: here", "", NULL), "c4_bad_words");
    assert_string_equal(verdict(rules, "a bad phrase, there", "", NULL), "passes");
    assert_string_equal(verdict(rules, "最悪だ", "", NULL), "c4_bad_words");
    strbuf_release(&option);
    unlink(path);
}

static void the_language_of_the_header_is_believed(void **state)
{
    (void)state;
    const char *const *rules = ARGUMENTS("languages=eng,deu");
    assert_string_equal(verdict(rules, prose, "deu", NULL), "passes");
    assert_string_equal(verdict(rules, prose, "eng,fra", NULL), "passes");
    assert_string_equal(verdict(rules, prose, "fra", NULL), "language");
    assert_string_equal(verdict(rules, prose, "fra,eng", NULL), "language");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_judged_by_default),
        cmocka_unit_test(prose_passes_every_set),
        cmocka_unit_test(an_own_option_goes_before_the_set),
        cmocka_unit_test(settings_that_mean_nothing_are_refused),
        cmocka_unit_test(rules_are_printed_as_they_judge),
        cmocka_unit_test(every_rule_has_a_name_and_a_source),
        cmocka_unit_test(gopher_counts_words_and_lines),
        cmocka_unit_test(repeated_lines_and_paragraphs_are_counted),
        cmocka_unit_test(repeated_ngrams_are_counted),
        cmocka_unit_test(ngrams_of_random_words_are_those_found_by_comparing),
        cmocka_unit_test(c4_drops_lines),
        cmocka_unit_test(c4_judges_what_is_left),
        cmocka_unit_test(fineweb_judges_lines),
        cmocka_unit_test(bad_words_are_found_whole),
        cmocka_unit_test(the_language_of_the_header_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
