#include "shards/tokenizer/blank_marking.h"

#include <string.h>

#define MARK_BYTES (sizeof BLANK_MARK - 1)

const char *const blank_prefix_names[] = { "never", "first", "always", NULL };

void blank_marks_read(const char *name, size_t length, struct strbuf *out)
{
    const char *end = name + length, *mark;
    while ((mark = memmem(name, (size_t)(end - name), BLANK_MARK, MARK_BYTES))) {
        strbuf_add(out, name, (size_t)(mark - name));
        strbuf_add_char(out, ' ');
        name = mark + MARK_BYTES;
    }
    strbuf_add(out, name, (size_t)(end - name));
}

void blank_marks_write(const char *bytes, size_t length, struct strbuf *out)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == ' ')
            strbuf_add(out, BLANK_MARK, MARK_BYTES);
        else
            strbuf_add_char(out, bytes[i]);
}

static bool begins_with_blank(const char *text, size_t length)
{
    return text[0] == ' ' || (length >= MARK_BYTES && memcmp(text, BLANK_MARK, MARK_BYTES) == 0);
}

void blank_marking_mark(const struct blank_marking *marking, const char *text, size_t length,
                        struct strbuf *out)
{
    if (length == 0)
        return;
    if (marking->prefix != BLANK_NEVER &&
        (marking->stage == BLANK_NORMALIZER || !begins_with_blank(text, length)))
        strbuf_add_char(out, ' ');
    blank_marks_read(text, length, out);
}

void blank_marking_describe(const struct blank_marking *marking, struct strbuf *out)
{
    const bool always = marking->stage == BLANK_NORMALIZER;
    if (marking->prefix == BLANK_NEVER)
        strbuf_add_string(out, "no blank before");
    else
        strbuf_add_string(out, always ? "a blank before" : "a blank before what has none");
    if (marking->splits)
        strbuf_add_string(out, ", cut at blanks");
}
