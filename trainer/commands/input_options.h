/* input_options: how a command that reads raw text finds its documents (docs/inputs.md). */
#ifndef TRAINER_COMMANDS_INPUT_OPTIONS_H
#define TRAINER_COMMANDS_INPUT_OPTIONS_H

#include "base/options.h"
#include "shards/inputs/document_reader.h"

struct input_settings {
    int format;
    char *text_field, *id_field, *url_field, *document_start, *separator;
    int64_t document_bytes;
};

/* Of a struct input_settings; a command joins them with its own by options_append. */
extern const struct option_spec input_options[];

/* Valid as long as the settings. */
struct document_rules input_rules(const struct input_settings *settings);

#endif
