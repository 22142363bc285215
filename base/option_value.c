#include "base/option_value.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What stands for "not given"; no text is read as one of them. */
#define UNSET_INTEGER INT64_MIN
#define UNSET_NUMBER  ((double)NAN)
#define UNSET_CHOICE  (-1)

__extension__ typedef unsigned __int128 wide;

void *option_place(const struct option_spec *option, const void *settings)
{
    return (char *)settings + option->offset;
}

bool option_has_bounds(const struct option_spec *option)
{
    return option->min != 0 || option->max != 0;
}

void option_clear(const struct option_spec *option, void *settings)
{
    void *place = option_place(option, settings);
    if (option->type == OPTION_INTEGER)
        *(int64_t *)place = UNSET_INTEGER;
    else if (option->type == OPTION_NUMBER)
        *(double *)place = UNSET_NUMBER;
    else if (option->type == OPTION_CHOICE)
        *(int *)place = UNSET_CHOICE;
    else if (option->type == OPTION_TEXT)
        *(char **)place = NULL;
    else
        *(bool *)place = false;
}

bool option_is_given(const struct option_spec *option, const void *settings)
{
    const void *place = option_place(option, settings);
    if (option->type == OPTION_INTEGER)
        return *(const int64_t *)place != UNSET_INTEGER;
    if (option->type == OPTION_NUMBER)
        return !isnan(*(const double *)place);
    if (option->type == OPTION_CHOICE)
        return *(const int *)place != UNSET_CHOICE;
    return option->type != OPTION_TEXT || *(char *const *)place != NULL;
}

/* A magnitude beyond every int64_t, that can still be multiplied by 10 or 1024. */
static const wide huge = (wide)1 << 100;

static wide multiply(wide value, wide factor)
{
    value *= factor;
    return value > huge ? huge : value;
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

/* Reads "e6" or "k" at the end of a number: a power of ten, or a factor of 1024. */
static bool read_scale(const char *text, long *ten_exponent, wide *factor)
{
    static const char suffixes[] = "kMG";
    *ten_exponent = 0;
    *factor = 1;
    if (!*text)
        return true;
    const char *suffix = strchr(suffixes, *text == 'K' ? 'k' : *text);
    if (suffix) {
        *factor = (wide)1 << (10 * (suffix - suffixes + 1));
        return !text[1];
    }
    if (*text != 'e' && *text != 'E')
        return false;
    text += text[1] == '+' ? 2 : 1;
    const char *end = skip_digits(text);
    *ten_exponent = end - text < 6 ? strtol(text, NULL, 10) : 999999;
    return end > text && !*end;
}

/* [+-] digits [. digits] [e digits | k | M | G] whose value is whole, computed
 * without rounding: 1.5e3 is, 1.5 is not. */
static bool read_whole(const char *text, bool *negative, wide *magnitude)
{
    long ten_exponent, fraction_digits = 0;
    wide value = 0, factor;
    *negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    const char *point = skip_digits(text), *end = point;
    if (point == text)
        return false;
    if (*point == '.') {
        end = skip_digits(point + 1);
        fraction_digits = end - (point + 1);
    }
    for (const char *at = text; at < end; at++)
        if (at != point)
            value = multiply(value, 10) + (wide)(*at - '0');
    if (!read_scale(end, &ten_exponent, &factor))
        return false;

    value = multiply(value, factor);
    long shift = ten_exponent - fraction_digits;
    for (; shift > 0 && value > 0 && value < huge; shift--)
        value = multiply(value, 10);
    for (; shift < 0 && value > 0; shift++) {
        if (value % 10 != 0)
            return false;
        value /= 10;
    }
    *magnitude = value;
    return true;
}

static int64_t integer_bound(double bound, int64_t otherwise)
{
    return fabs(bound) < 0x1p63 ? (int64_t)bound : otherwise;
}

static enum status parse_integer(const struct option_spec *option, int64_t *out, const char *text,
                                 const char *source)
{
    bool negative, bounded = option_has_bounds(option);
    int64_t min = bounded ? integer_bound(option->min, INT64_MIN + 1) : INT64_MIN + 1;
    int64_t max = bounded ? integer_bound(option->max, INT64_MAX) : INT64_MAX;
    wide magnitude;
    if (!read_whole(text, &negative, &magnitude))
        return bad_input("%s: '%s' is not a whole number", source, text);

    bool fits = magnitude <= INT64_MAX;
    int64_t value = fits ? (int64_t)magnitude : INT64_MAX;
    if (negative)
        value = -value;
    if (value < min || (negative && !fits))
        return bad_input("%s: %s is below %lld", source, text, (long long)min);
    if (value > max || !fits)
        return bad_input("%s: %s is above %lld", source, text, (long long)max);
    *out = value;
    return STATUS_OK;
}

static enum status parse_number(const struct option_spec *option, double *out, const char *text,
                                const char *source)
{
    /* strtod alone would take blanks, hexadecimal, "inf" and "nan" too. */
    char *end = NULL;
    double value = 0;
    if (*text && !text[strspn(text, "0123456789+-.eE")])
        value = strtod(text, &end);
    if (!end || end == text || *end || !isfinite(value))
        return bad_input("%s: '%s' is not a finite number", source, text);

    if (option_has_bounds(option) && (value < option->min || value > option->max)) {
        struct strbuf bound = STRBUF_INIT;
        strbuf_add_number(&bound, value < option->min ? option->min : option->max);
        enum status status = bad_input("%s: %s is %s %s", source, text,
                                       value < option->min ? "below" : "above", bound.bytes);
        strbuf_release(&bound);
        return status;
    }
    *out = value;
    return STATUS_OK;
}

static enum status parse_bool(bool *out, const char *text, const char *source)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2;
            return STATUS_OK;
        }
    }
    return bad_input("%s: '%s' is neither true nor false", source, text);
}

static enum status parse_choice(const struct option_spec *option, int *out, const char *text,
                                const char *source)
{
    struct strbuf known = STRBUF_INIT;
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(text, option->choices[i]) == 0) {
            strbuf_release(&known);
            *out = i;
            return STATUS_OK;
        }
        strbuf_addf(&known, "%s%s", i ? ", " : "", option->choices[i]);
    }
    enum status status = bad_input("%s: '%s' is none of %s", source, text, known.bytes);
    strbuf_release(&known);
    return status;
}

static enum status parse_text(const struct option_spec *option, char **out, const char *text,
                              const char *source)
{
    if (!option->has_lines && strpbrk(text, "\r\n"))
        return bad_input("%s: '%s' holds a line end", source, text);
    char *old = *out;
    *out = memory_copy_string(text);
    memory_free(old);
    return STATUS_OK;
}

enum status option_parse(const struct option_spec *option, void *settings, const char *text,
                         const char *source)
{
    void *place = option_place(option, settings);
    switch (option->type) {
    case OPTION_INTEGER:
        return parse_integer(option, place, text, source);
    case OPTION_NUMBER:
        return parse_number(option, place, text, source);
    case OPTION_BOOL:
        return parse_bool(place, text, source);
    case OPTION_TEXT:
        return parse_text(option, place, text, source);
    case OPTION_CHOICE:
        return parse_choice(option, place, text, source);
    default:
        fatal("option '%s' has no type", option->key);
    }
}
