#include "trainer/jobs/train_words.h"

#include <string.h>

#include "base/memory.h"

void train_words_add(struct word_list *words, const struct train_config *config)
{
    struct train_config defaults;
    struct strbuf value = STRBUF_INIT, usual = STRBUF_INIT;
    memset(&defaults, 0, sizeof defaults);
    options_set_defaults(train_options, &defaults);
    for (const struct option_spec *option = train_options; option->key; option++) {
        strbuf_reset(&value);
        strbuf_reset(&usual);
        options_print_value(option, config, &value);
        if (option->default_text)
            options_print_value(option, &defaults, &usual);
        if (strcmp(value.bytes, usual.bytes) != 0)
            word_list_addf(words, "--%s=%s", option->key, value.bytes);
    }
    options_release(train_options, &defaults);
    strbuf_release(&value);
    strbuf_release(&usual);
}

enum status train_words_read(const char *const *words, int count, struct train_config *config)
{
    const char **positionals = memory_alloc_zeroed((size_t)count + 1, sizeof *positionals);
    char *const *arguments = (char *const *)words;
    int positional_count = 0;
    memset(config, 0, sizeof *config);
    options_set_defaults(train_options, config);
    enum status status = options_read_arguments(train_options, config, count, arguments,
                                                positionals, &positional_count);
    if (status == STATUS_OK && positional_count > 0) {
        options_release(train_options, config);
        options_set_defaults(train_options, config);
        status = options_read_ini(train_options, config, positionals[0]);
        if (status == STATUS_OK)
            status = options_read_arguments(train_options, config, count, arguments, positionals,
                                            &positional_count);
    }
    memory_free(positionals);
    if (status == STATUS_OK)
        status = options_check_required(train_options, config);
    return status == STATUS_OK ? train_config_complete(config) : status;
}
