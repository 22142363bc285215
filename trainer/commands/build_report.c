#include "trainer/commands/build_report.h"

#include <stdio.h>

#include "base/printable.h"

static void print_count(const char *what, struct rule_count count)
{
    char shown[64];
    printable_copy(shown, sizeof shown, what); /* corpus.json may be anybody's */
    printf("  %-40s %12lld documents %16lld bytes\n", shown, (long long)count.documents,
           (long long)count.bytes);
}

void build_report_print_counts(const struct corpus_report *report)
{
    if (report->read.documents == 0)
        return;
    print_count("read", report->read);
    for (int64_t i = 0; i < report->rejected_count; i++)
        print_count(report->rejected[i].rule, report->rejected[i].count);
}

void build_report_print(const struct corpus_manifest *manifest, const char *out,
                        const struct world *world, double elapsed_s)
{
    int64_t tokens = 0, text_bytes = 0;
    printf("%s: %lld inputs, vocabulary of %lld\n", out, (long long)manifest->input_count,
           (long long)manifest->vocab_size);
    build_report_print_counts(&manifest->report);
    for (int split = 0; split < SPLIT_COUNT; split++) {
        struct corpus_totals totals = corpus_manifest_totals(manifest, (enum corpus_split)split);
        print_count(corpus_split_names[split],
                    (struct rule_count){ totals.documents, totals.text_bytes });
        printf("  %-40s %12lld tokens    %16lld shards\n", "", (long long)totals.tokens,
               (long long)totals.shards);
        tokens += totals.tokens;
        text_bytes += totals.text_bytes;
    }
    printf("  %.3f bytes of text a token; %.1f MB/s of text by %d rank%s in %.1f s\n",
           (double)text_bytes / (double)tokens,
           (double)manifest->report.read.bytes / 1e6 / elapsed_s, world->size,
           world->size == 1 ? "" : "s", elapsed_s);
}
