/* Prints the language of each document of standard input, which NUL bytes part, and how sure it is;
 * at the end, on standard error, the nanoseconds a byte. For tests/bench/compare_language. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/strbuf.h"
#include "shards/quality/language.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(void)
{
    struct strbuf documents = STRBUF_INIT;
    char part[1 << 16], code[DOCUMENT_LANGUAGE_BYTES];
    size_t length;
    double confidence, spent = 0;
    while ((length = fread(part, 1, sizeof part, stdin)) > 0)
        strbuf_add(&documents, part, length);
    for (size_t at = 0; at < documents.length; at += length + 1) {
        length = strlen(documents.bytes + at);
        const double start = seconds();
        language_identify(documents.bytes + at, length, code, &confidence);
        spent += seconds() - start;
        printf("%s %.4f\n", code[0] ? code : "-", confidence);
    }
    fprintf(stderr, "%.2f ns a byte\n", 1e9 * spent / (double)(documents.length + 1));
    strbuf_release(&documents);
    return 0;
}
