#include "shards/text_splitter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* Unicode's White_Space (PropList.txt), for use within [ ]. */
#define SPACES                                                                                     \
    "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"           \
    "\\x{202f}\\x{205f}\\x{3000}"

/* ++ is +, without the places to come back to, which no alternative here would use: so a run of
 * any length needs no stack. */
#define RULE                                                                                       \
    "'s|'t|'re|'ve|'m|'ll|'d"                                                                      \
    "| ?\\p{L}++"                                                                                  \
    "| ?\\p{N}++"                                                                                  \
    "| ?[^" SPACES "\\p{L}\\p{N}]++"                                                               \
    "|[" SPACES "]+(?![^" SPACES "])"                                                              \
    "|[" SPACES "]++"

/* Stands in for a byte that is not UTF-8 while the rule looks: a symbol, of one byte. */
#define STAND_IN '#'

struct text_splitter {
    pcre2_code *code;
    pcre2_match_data *match;
    const char *text;
    const char *seen; /* what the rule sees: `text`, or `repaired` */
    size_t at, length;
    struct strbuf repaired;
};

struct text_splitter *text_splitter_create(void)
{
    int error;
    PCRE2_SIZE place;
    struct text_splitter *splitter = memory_alloc_zeroed(1, sizeof *splitter);
    splitter->code = pcre2_compile((PCRE2_SPTR)RULE, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &place, NULL);
    CHECK(splitter->code, "PCRE2 refuses the splitting rule: error %d at %zu", error, place);
    pcre2_jit_compile(splitter->code, PCRE2_JIT_COMPLETE); /* where it is missing: just slower */
    splitter->match = pcre2_match_data_create(1, NULL);
    CHECK(splitter->match, "no memory for the splitting rule");
    strbuf_init(&splitter->repaired);
    return splitter;
}

void text_splitter_free(struct text_splitter *splitter)
{
    if (!splitter)
        return;
    pcre2_match_data_free(splitter->match);
    pcre2_code_free(splitter->code);
    strbuf_release(&splitter->repaired);
    memory_free(splitter);
}

/* Length of the longest valid prefix. */
static size_t valid_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t word;
        if (length - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                at += sizeof word;
                continue;
            }
        }
        size_t step = utf8_character_length(text + at, length - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

/* A copy of the text with each byte that is not UTF-8 replaced. */
static void repair(struct text_splitter *splitter, size_t valid)
{
    strbuf_reset(&splitter->repaired);
    strbuf_add(&splitter->repaired, splitter->text, splitter->length);
    char *copy = splitter->repaired.bytes;
    while (valid < splitter->length) {
        copy[valid++] = STAND_IN;
        valid += valid_length(copy + valid, splitter->length - valid);
    }
}

void text_splitter_begin(struct text_splitter *splitter, const char *text, size_t length)
{
    splitter->text = splitter->seen = text;
    splitter->length = length;
    splitter->at = 0;
    size_t valid = valid_length(text, length);
    if (valid < length) {
        repair(splitter, valid);
        splitter->seen = splitter->repaired.bytes;
    }
}

bool text_splitter_next(struct text_splitter *splitter, const char **piece, size_t *length)
{
    if (splitter->at == splitter->length)
        return false;
    int result = pcre2_match(splitter->code, (PCRE2_SPTR)splitter->seen, splitter->length,
                             splitter->at, PCRE2_NO_UTF_CHECK, splitter->match, NULL);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(splitter->match);
    CHECK(result > 0 && span[0] == splitter->at && span[1] > span[0],
          "PCRE2 fails on the splitting rule at byte %zu of %zu: %d", splitter->at,
          splitter->length, result);
    *piece = splitter->text + span[0];
    *length = span[1] - span[0];
    splitter->at = span[1];
    return true;
}
