/* options: one table makes the INI parser, --key=value, --help, the saved
 * config and the page in docs/commands.
 *
 * A command declares a struct that holds its settings and a table that says,
 * for each key: type, place in the struct, default, bounds, unit and help. Keys
 * are flat and unique; INI sections only group them; '-' and '_' are the same.
 *
 *   static const struct option_spec train_options[] = {
 *       { .key = "steps", .type = OPTION_INTEGER, .offset = offsetof(struct c, steps),
 *         .default_text = "1000", .min = 1, .max = 1e12, .help = "optimizer updates" },
 *       { 0 }
 *   };
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

#include "base/status.h"
#include "base/strbuf.h"

enum option_type {
    OPTION_END = 0,
    OPTION_INTEGER, /* int64_t; "4096", "1e6", "64k" (1024), "1M", "1G"; whole, within min..max */
    OPTION_NUMBER,  /* double; finite, within min..max */
    OPTION_BOOL,    /* bool; true|false|yes|no|on|off|1|0; "--key" alone is true */
    OPTION_TEXT, /* char *, owned by the settings; any bytes but NUL, and line ends if has_lines */
    OPTION_CHOICE, /* int: index into the NULL-terminated `choices` */
};

struct option_spec {
    const char *key;
    enum option_type type;
    size_t offset;
    const char *default_text;   /* NULL: required */
    double min, max;            /* both 0: no bounds */
    const char *unit;           /* or NULL */
    const char *const *choices; /* OPTION_CHOICE */
    bool has_lines;             /* OPTION_TEXT: it may hold line ends (a prompt) */
    const char *section;        /* groups keys in --help and in the saved config; NULL: as before */
    const char *help;
};

/* Appends the rows of `part` to a table that has `count` rows and room for `room`, with its end;
 * returns the new count. The part's settings lie `offset` bytes into the table's. So a command
 * joins options that others declare with its own, before main, in a constructor. */
int options_append(struct option_spec *table, int count, int room, const struct option_spec *part,
                   size_t offset);

/* Fills the defaults; what is required is marked as not given (texts are NULL). */
void options_set_defaults(const struct option_spec *table, void *settings);
void options_release(const struct option_spec *table, void *settings); /* frees the texts */

/* Sets one key. `source` names where it came from ("--lr", "run.ini:12"). Unknown
 * keys are bad input, with the nearest known one. */
enum status options_set(const struct option_spec *table, void *settings, const char *key,
                        const char *value, const char *source);
/* Reads a config: text of at most 1 MiB, each key once. Its form: options_ini.c. */
enum status options_read_ini(const struct option_spec *table, void *settings, const char *path);

/* Reads argv[0..count): "--key=value", "--key" for booleans; the rest are
 * positionals, kept in order in `positionals` (room for `count`). "--" ends options. */
enum status options_read_arguments(const struct option_spec *table, void *settings, int count,
                                   char *const *arguments, const char **positionals,
                                   int *positional_count);

/* Required keys that were not given are bad input. */
enum status options_check_required(const struct option_spec *table, const void *settings);

void options_print_value(const struct option_spec *option, const void *settings,
                         struct strbuf *out);
/* The whole settings as an INI file that options_read_ini reads back to the same values. */
void options_print_ini(const struct option_spec *table, const void *settings, struct strbuf *out);
void options_print_help(const struct option_spec *table, FILE *out);
void options_print_markdown(const struct option_spec *table, struct strbuf *out);

/* The nearest of `candidates` (NULL-terminated) to `word` by edit distance, or NULL if none is
 * near. */
const char *nearest_word(const char *word, const char *const *candidates);

#endif
