/* option_value: one value of a table of options, from text and to text.
 * Used by the options_... files alone. */
#ifndef BASE_OPTION_VALUE_H
#define BASE_OPTION_VALUE_H

#include "base/options.h"

/* Where the option's value lies in its settings. */
void *option_place(const struct option_spec *option, const void *settings);

/* Parses the whole of `text` into the settings. `source` opens the message. */
enum status option_parse(const struct option_spec *option, void *settings, const char *text,
                         const char *source);

/* Marks a value as not given, and tells whether it is. */
void option_clear(const struct option_spec *option, void *settings);
bool option_is_given(const struct option_spec *option, const void *settings);

bool option_has_bounds(const struct option_spec *option);

/* The row of `key`, whose length is given, or NULL. */
const struct option_spec *options_find(const struct option_spec *table, const char *key,
                                       size_t length);

/* Bad input: "PLACEunknown option 'DASHESkey'; did you mean ...?" */
enum status options_unknown(const struct option_spec *table, const char *key, const char *place,
                            const char *dashes);

#endif
