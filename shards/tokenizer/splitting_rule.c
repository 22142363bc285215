#include "shards/tokenizer/splitting_rule.h"

#include <string.h>

const char *const splitting_rule_names[SPLITTING_COUNT + 1] = { "gpt2", "cl100k", "llama3", NULL };

#define WORDS_OF_CL100K                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"                       \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"

static const struct {
    enum splitting_rule rule;
    const char *pattern;
} spellings[] = {
    /* the first of each rule is written, all are read */
    { SPLITTING_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
                      "|\\s+(?!\\S)|\\s+" },
    { SPLITTING_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
                      "|\\s+(?!\\S)|\\s+" },
    /* In Oniguruma $ is also the end of a line: \z is the end of the text. */
    { SPLITTING_CL100K, WORDS_OF_CL100K "|\\s+\\z|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" },
    { SPLITTING_LLAMA3, WORDS_OF_CL100K "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" },
};

enum { SPELLINGS = sizeof spellings / sizeof *spellings };

const char *splitting_rule_pattern(enum splitting_rule rule)
{
    int at = 0;
    while (spellings[at].rule != rule)
        at++;
    return spellings[at].pattern;
}

bool splitting_rule_of_pattern(const char *pattern, enum splitting_rule *rule)
{
    for (int i = 0; i < SPELLINGS; i++)
        if (strcmp(spellings[i].pattern, pattern) == 0) {
            *rule = spellings[i].rule;
            return true;
        }
    return false;
}
