#include "base/options.h"

#include <string.h>

#include "base/memory.h"
#include "base/option_value.h"

/* '-' and '_' are the same. */
static char plain(char c)
{
    return c == '-' ? '_' : c;
}

int options_append(struct option_spec *table, int count, int room, const struct option_spec *part,
                   size_t offset)
{
    for (; part->type != OPTION_END; part++) {
        CHECK(count + 1 < room, "a table of options has no room for '%s' beside %d others",
              part->key, count);
        table[count] = *part;
        table[count++].offset += offset;
    }
    table[count] = (struct option_spec){ 0 };
    return count;
}

const struct option_spec *options_find(const struct option_spec *table, const char *key,
                                       size_t length)
{
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        size_t same = 0;
        while (same < length && option->key[same] && plain(key[same]) == plain(option->key[same]))
            same++;
        if (same == length && !option->key[same])
            return option;
    }
    return NULL;
}

enum status options_unknown(const struct option_spec *table, const char *key, const char *place,
                            const char *dashes)
{
    enum { MOST = 256 };
    const char *keys[MOST + 1];
    int count = 0;
    for (const struct option_spec *option = table; option->type != OPTION_END; option++)
        if (count < MOST)
            keys[count++] = option->key;
    keys[count] = NULL;

    const char *near = nearest_word(key, keys);
    if (near)
        return bad_input("%sunknown option '%s%s'; did you mean '%s%s'?", place, dashes, key,
                         dashes, near);
    return bad_input("%sunknown option '%s%s'", place, dashes, key);
}

void options_set_defaults(const struct option_spec *table, void *settings)
{
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        option_clear(option, settings);
        if (!option->default_text)
            continue;
        enum status status = option_parse(option, settings, option->default_text, option->key);
        CHECK(status == STATUS_OK, "the default of an option is wrong: %s", status_message());
    }
}

void options_release(const struct option_spec *table, void *settings)
{
    for (const struct option_spec *option = table; option->type != OPTION_END; option++) {
        if (option->type != OPTION_TEXT)
            continue;
        memory_free(*(char **)option_place(option, settings));
        option_clear(option, settings);
    }
}

enum status options_set(const struct option_spec *table, void *settings, const char *key,
                        const char *value, const char *source)
{
    const struct option_spec *option = options_find(table, key, strlen(key));
    if (option)
        return option_parse(option, settings, value, source);
    struct strbuf place = STRBUF_INIT;
    strbuf_addf(&place, "%s: ", source);
    enum status status = options_unknown(table, key, place.bytes, "");
    strbuf_release(&place);
    return status;
}

/* "key=value" or "key", without the dashes. */
static enum status read_argument(const struct option_spec *table, void *settings, const char *text)
{
    const char *equals = strchrnul(text, '=');
    struct strbuf key = STRBUF_INIT, source = STRBUF_INIT;
    strbuf_add(&key, text, (size_t)(equals - text));
    strbuf_addf(&source, "--%s", key.bytes);

    enum status status;
    const struct option_spec *option = options_find(table, key.bytes, key.length);
    if (!option)
        status = options_unknown(table, key.bytes, "", "--");
    else if (!*equals && option->type != OPTION_BOOL)
        status = bad_input("%s: the value is missing: write --%s=VALUE", source.bytes, option->key);
    else
        status = option_parse(option, settings, *equals ? equals + 1 : "true", source.bytes);
    strbuf_release(&source);
    strbuf_release(&key);
    return status;
}

enum status options_read_arguments(const struct option_spec *table, void *settings, int count,
                                   char *const *arguments, const char **positionals,
                                   int *positional_count)
{
    bool options_ended = false;
    *positional_count = 0;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (options_ended || argument[0] != '-' || !argument[1]) /* "-": standard input */
            positionals[(*positional_count)++] = argument;
        else if (argument[1] != '-')
            return bad_input("unknown option '%s': options are written --key=value", argument);
        else if (!argument[2])
            options_ended = true;
        else
            TRY(read_argument(table, settings, argument + 2));
    }
    return STATUS_OK;
}

enum status options_check_required(const struct option_spec *table, const void *settings)
{
    for (const struct option_spec *option = table; option->type != OPTION_END; option++)
        if (!option_is_given(option, settings))
            return bad_input("--%s is required: %s", option->key, option->help);
    return STATUS_OK;
}
