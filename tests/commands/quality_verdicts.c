/* Prints what each rule of quality says of documents, for tests/bench/compare_quality.
 *
 *     quality_verdicts [OPTION]... <DOCUMENTS
 *
 * DOCUMENTS are parted by NUL bytes. A line a document: the rules that are on and reject it, each
 * by itself, by commas, or "-"; then the sha256 of its text as C4's rules leave it. At the end, on
 * standard error, the nanoseconds a byte of the whole judgement. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "shards/quality/quality.h"
#include "shards/quality/quality_measures.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void print_verdicts(const struct quality_rules *rules, struct repetition *repetition,
                           struct id_table *table, struct strbuf *text)
{
    double values[QUALITY_RULES] = { 0 };
    const struct text_span span = { text->bytes, text->length };
    const char *comma = "";
    gopher_measure(span, values);
    repetition_measure(repetition, span, values);
    fineweb_measure(table, span, values);
    c4_measure(rules, text, values);
    for (int rule = GOPHER_FIRST; rule < QUALITY_RULES; rule++) {
        if (rule >= C4_FIRST && rule < C4_FIRST_VERDICT)
            continue;
        if (quality_rule_rejects(rules, rule, values[rule])) {
            printf("%s%s", comma, quality_rule_name(rule));
            comma = ",";
        }
    }
    struct sha256 hash;
    char digest[SHA256_HEX];
    sha256_init(&hash);
    sha256_add(&hash, text->bytes, text->length);
    sha256_finish_hex(&hash, digest);
    printf("%s %s\n", *comma ? "" : "-", digest);
}

static void read_all(struct strbuf *out)
{
    char part[1 << 16];
    size_t length;
    while ((length = fread(part, 1, sizeof part, stdin)) > 0)
        strbuf_add(out, part, length);
}

static void judge_all(const struct quality_rules *rules, const struct strbuf *documents)
{
    struct quality_judge *judge = quality_judge_create(rules);
    struct repetition repetition;
    struct id_table table;
    struct document document;
    double spent = 0;
    document_init(&document);
    repetition_init(&repetition);
    id_table_init(&table);
    for (size_t at = 0; at < documents->length;) {
        const size_t length = strlen(documents->bytes + at);
        strbuf_reset(&document.text);
        strbuf_add(&document.text, documents->bytes + at, length);
        print_verdicts(rules, &repetition, &table, &document.text);
        strbuf_reset(&document.text);
        strbuf_add(&document.text, documents->bytes + at, length);
        const double start = seconds();
        quality_judge_document(judge, &document);
        spent += seconds() - start;
        at += length + 1;
    }
    fprintf(stderr, "%.2f ns a byte\n", 1e9 * spent / (double)(documents->length + 1));
    id_table_release(&table);
    repetition_release(&repetition);
    document_release(&document);
    quality_judge_free(judge);
}

int main(int count, char **arguments)
{
    struct quality_rules rules;
    struct strbuf documents = STRBUF_INIT;
    const char *positionals[64];
    int positional_count = 0;
    options_set_defaults(quality_options, &rules);
    if (count > 64 ||
        options_read_arguments(quality_options, &rules, count - 1, arguments + 1, positionals,
                               &positional_count) ||
        quality_rules_complete(&rules)) {
        fprintf(stderr, "quality_verdicts: %s\n", status_message());
        return 2;
    }
    read_all(&documents);
    judge_all(&rules, &documents);
    strbuf_release(&documents);
    quality_rules_release(&rules);
    options_release(quality_options, &rules);
    return 0;
}
