#include "shards/inputs/line_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/memory.h"

struct line_pattern {
    char *text;
    pcre2_code *code;
    pcre2_match_data *match;
};

enum status line_pattern_compile(const char *pattern, struct line_pattern **out)
{
    int error;
    PCRE2_SIZE place;
    *out = NULL;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &place, NULL);
    if (!code) {
        PCRE2_UCHAR reason[256];
        pcre2_get_error_message(error, reason, sizeof reason);
        return bad_input("cannot use the pattern '%s': character %zu: %s", pattern, place,
                         (const char *)reason);
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it matching is slower, not different */

    struct line_pattern *made = memory_alloc_zeroed(1, sizeof *made);
    made->text = memory_copy_string(pattern);
    made->code = code;
    made->match = pcre2_match_data_create_from_pattern(code, NULL);
    CHECK(made->match, "no memory for matching '%s'", pattern);
    *out = made;
    return STATUS_OK;
}

enum status line_pattern_match(const struct line_pattern *pattern, const char *line, size_t length,
                               bool *matches)
{
    int result = pcre2_match(pattern->code, (PCRE2_SPTR)line, length, 0, 0, pattern->match, NULL);
    *matches = result >= 0;
    if (result < 0 && result != PCRE2_ERROR_NOMATCH)
        return bad_input("cannot match a line of %zu bytes with '%s': PCRE2's error %d", length,
                         pattern->text, result);
    return STATUS_OK;
}

void line_pattern_free(struct line_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    memory_free(pattern->text);
    memory_free(pattern);
}
