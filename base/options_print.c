/* What a table of options looks like: the saved config, --help, the manual. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_value.h"
#include "base/utf8.h"

enum {
    INI_PART_BYTES = 120, /* of a long text, a line: inih's lines end at 199 bytes */
    HELP_INDENT = 28,
    HELP_COLUMNS = 90
};

void options_print_value(const struct option_spec *option, const void *settings, struct strbuf *out)
{
    const void *place = option_place(option, settings);
    if (!option_is_given(option, settings))
        return;
    switch (option->type) {
    case OPTION_INTEGER:
        strbuf_addf(out, "%lld", (long long)*(const int64_t *)place);
        break;
    case OPTION_NUMBER:
        strbuf_add_number(out, *(const double *)place);
        break;
    case OPTION_BOOL:
        strbuf_add_string(out, *(const bool *)place ? "true" : "false");
        break;
    case OPTION_TEXT:
        strbuf_add_string(out, *(char *const *)place);
        break;
    case OPTION_CHOICE:
        strbuf_add_string(out, option->choices[*(const int *)place]);
        break;
    case OPTION_END:
        break;
    }
}

/* Bytes of the character at text[0] that a config may hold as they are, or 0. */
static size_t plain_length(const char *text, size_t left)
{
    unsigned char byte = (unsigned char)*text;
    return byte < 0x20 || byte == 0x7f || strchr(";\"\\", byte) ? 0
                                                                : utf8_character_length(text, left);
}

static bool needs_quotes(const char *text, size_t length)
{
    if (!length)
        return false;
    if (length > INI_PART_BYTES || text[0] == ' ' || text[length - 1] == ' ')
        return true;
    for (size_t at = 0, character; at < length; at += character) {
        character = plain_length(text + at, length - at);
        if (!character)
            return true;
    }
    return false;
}

static void print_ini_text(const char *text, size_t length, struct strbuf *out)
{
    if (!needs_quotes(text, length)) {
        strbuf_add(out, text, length);
        return;
    }
    size_t part_start = out->length;
    strbuf_add_char(out, '"');
    for (size_t at = 0; at < length;) {
        size_t character = plain_length(text + at, length - at);
        if (out->length - part_start > INI_PART_BYTES) {
            strbuf_add_string(out, "\"\n    ");
            part_start = out->length;
            strbuf_add_char(out, '"');
        }
        if (character)
            strbuf_add(out, text + at, character);
        else
            strbuf_addf(out, "\\x%02x", (unsigned char)text[at]);
        at += character ? character : 1;
    }
    strbuf_add_char(out, '"');
}

void options_print_ini(const struct option_spec *table, const void *settings, struct strbuf *out)
{
    struct strbuf value = STRBUF_INIT;
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        if (option->section)
            strbuf_addf(out, "%s[%s]\n", option == table ? "" : "\n", option->section);
        if (!option_is_given(option, settings))
            continue;
        strbuf_reset(&value);
        options_print_value(option, settings, &value);
        strbuf_addf(out, "%s = ", option->key);
        print_ini_text(value.bytes, value.length, out);
        strbuf_add_char(out, '\n');
    }
    strbuf_release(&value);
}

/* "--steps=N", "--family=gpt2|llama", "--tied_head" */
static void print_usage(const struct option_spec *option, struct strbuf *out)
{
    strbuf_addf(out, "--%s", option->key);
    switch (option->type) {
    case OPTION_INTEGER:
        strbuf_add_string(out, "=N");
        break;
    case OPTION_NUMBER:
        strbuf_add_string(out, "=X");
        break;
    case OPTION_TEXT:
        strbuf_add_string(out, "=TEXT");
        break;
    case OPTION_CHOICE:
        for (int i = 0; option->choices[i]; i++)
            strbuf_addf(out, "%c%s", i ? '|' : '=', option->choices[i]);
        break;
    default:
        break;
    }
}

/* Bounds are round: "1e12" says more than thirteen digits, and than "1e+12". */
static void print_bound(double bound, struct strbuf *out)
{
    char text[32];
    snprintf(text, sizeof text, "%g", bound);
    char *exponent = strchr(text, 'e');
    if (strtod(text, NULL) != bound)
        strbuf_add_number(out, bound);
    else if (!exponent)
        strbuf_add_string(out, text);
    else
        strbuf_addf(out, "%.*se%ld", (int)(exponent - text), text, strtol(exponent + 1, NULL, 10));
}

static void print_range(const struct option_spec *option, struct strbuf *out)
{
    if (option->type != OPTION_INTEGER && option->type != OPTION_NUMBER)
        return;
    if (!option_has_bounds(option))
        return;
    print_bound(option->min, out);
    strbuf_add_string(out, " to ");
    print_bound(option->max, out);
}

/* "optimizer updates (default 1000 steps; 1 to 1e12)" */
static void print_meaning(const struct option_spec *option, struct strbuf *out)
{
    struct strbuf range = STRBUF_INIT;
    print_range(option, &range);
    strbuf_addf(out, "%s (", option->help);
    if (!option->default_text)
        strbuf_add_string(out, "required");
    else if (!*option->default_text)
        strbuf_add_string(out, "default: none");
    else
        strbuf_addf(out, "default: %s", option->default_text);
    if (option->unit)
        strbuf_addf(out, " %s", option->unit);
    if (range.length)
        strbuf_addf(out, "; %s", range.bytes);
    strbuf_add_char(out, ')');
    strbuf_release(&range);
}

/* Words of `text` from column HELP_INDENT on, broken at HELP_COLUMNS. */
static void print_wrapped(const char *text, FILE *out)
{
    int column = HELP_INDENT;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > HELP_INDENT && column + 1 + word > HELP_COLUMNS) {
            fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        }
        column += fprintf(out, "%s%.*s", column > HELP_INDENT ? " " : "", word, text);
        text += word + (text[word] == ' ');
    }
    fputc('\n', out);
}

void options_print_help(const struct option_spec *table, FILE *out)
{
    struct strbuf usage = STRBUF_INIT, meaning = STRBUF_INIT;
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        if (option->section)
            fprintf(out, "%s%s:\n", option == table ? "" : "\n", option->section);
        strbuf_reset(&usage);
        strbuf_reset(&meaning);
        print_usage(option, &usage);
        print_meaning(option, &meaning);
        if (usage.length + 3 <= HELP_INDENT)
            fprintf(out, "  %-*s", HELP_INDENT - 2, usage.bytes);
        else
            fprintf(out, "  %s\n%*s", usage.bytes, HELP_INDENT, "");
        print_wrapped(meaning.bytes, out);
    }
    strbuf_release(&meaning);
    strbuf_release(&usage);
}

/* '|' would end the cell. */
static void print_cell(const char *text, struct strbuf *out)
{
    for (; *text; text++)
        strbuf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

void options_print_markdown(const struct option_spec *table, struct strbuf *out)
{
    struct strbuf usage = STRBUF_INIT, range = STRBUF_INIT;
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        if (option == table || option->section)
            strbuf_addf(out,
                        "%s%s%s| option | default | range | meaning |\n| --- | --- | --- | --- |\n",
                        option == table ? "" : "\n", option->section ? option->section : "",
                        option->section ? ":\n\n" : "");
        strbuf_reset(&usage);
        strbuf_reset(&range);
        print_usage(option, &usage);
        print_range(option, &range);
        strbuf_add_string(out, "| `");
        print_cell(usage.bytes, out);
        strbuf_addf(out, "` | %s%s%s | %s | ",
                    option->default_text ? option->default_text : "required",
                    option->unit ? " " : "", option->unit ? option->unit : "", range.bytes);
        print_cell(option->help, out);
        strbuf_add_string(out, " |\n");
    }
    strbuf_release(&range);
    strbuf_release(&usage);
}
