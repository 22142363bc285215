/* The writing half of base/json.h (RFC 8259). Its own, not jansson's, for the
 * sake of the numbers: 0.1, not 0.10000000000000001. */
#include "base/json.h"

#include <string.h>

#include "base/file.h"

void json_print_text(const char *text, size_t length, struct strbuf *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escape[] = "\"\\bfnrt";
    size_t shown = 0; /* text[0..shown) is written */
    strbuf_add_char(out, '"');
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)text[at];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        strbuf_add(out, text + shown, at - shown);
        shown = at + 1;
        const char *found = byte ? strchr(plain, byte) : NULL;
        if (found)
            strbuf_addf(out, "\\%c", escape[found - plain]);
        else
            strbuf_addf(out, "\\u%04x", byte);
    }
    strbuf_add(out, text + shown, length - shown);
    strbuf_add_char(out, '"');
}

static void print_real(double value, struct strbuf *out)
{
    size_t start = out->length;
    strbuf_add_number(out, value);
    if (!strpbrk(out->bytes + start, ".e"))
        strbuf_add_string(out, ".0"); /* a real stays a real */
}

void json_print_new_line(int depth, struct strbuf *out)
{
    strbuf_add_char(out, '\n');
    for (int i = 0; i < depth; i++)
        strbuf_add(out, "  ", 2);
}

static void new_line(enum json_style style, int depth, struct strbuf *out)
{
    if (style != JSON_COMPACT)
        json_print_new_line(depth, out);
}

static void print_value(const struct json *value, enum json_style style, int depth,
                        struct strbuf *out);

static void print_object(const struct json *object, enum json_style style, int depth,
                         struct strbuf *out)
{
    void *cursor = NULL;
    const char *key;
    const struct json *value;
    bool first = true;
    strbuf_add_char(out, '{');
    for (; json_next_member(object, &cursor, &key, &value); first = false) {
        if (!first)
            strbuf_add_char(out, ',');
        new_line(style, depth + 1, out);
        json_print_text(key, strlen(key), out);
        strbuf_add_string(out, style == JSON_COMPACT ? ":" : ": ");
        print_value(value, style, depth + 1, out);
    }
    if (!first)
        new_line(style, depth, out);
    strbuf_add_char(out, '}');
}

static void print_array(const struct json *array, enum json_style style, int depth,
                        struct strbuf *out)
{
    int64_t length = json_length(array);
    strbuf_add_char(out, '[');
    for (int64_t i = 0; i < length; i++) {
        if (i > 0)
            strbuf_add_char(out, ',');
        new_line(style, depth + 1, out);
        print_value(json_item(array, i), style, depth + 1, out);
    }
    if (length > 0)
        new_line(style, depth, out);
    strbuf_add_char(out, ']');
}

/* As deep as the value: the parser refuses more than 2048 levels. */
static void print_value(const struct json *value, enum json_style style, int depth,
                        struct strbuf *out)
{
    switch (json_kind_of(value)) {
    case JSON_KIND_OBJECT:
        print_object(value, style, depth, out);
        break;
    case JSON_KIND_ARRAY:
        print_array(value, style, depth, out);
        break;
    case JSON_KIND_STRING:
        json_print_text(json_text(value), json_text_length(value), out);
        break;
    case JSON_KIND_INTEGER:
        strbuf_addf(out, "%lld", (long long)json_integer_of(value));
        break;
    case JSON_KIND_REAL:
        print_real(json_number_of(value), out);
        break;
    case JSON_KIND_BOOL:
        strbuf_add_string(out, json_bool_of(value) ? "true" : "false");
        break;
    case JSON_KIND_NULL:
        strbuf_add_string(out, "null");
        break;
    }
}

void json_print_at(const struct json *value, enum json_style style, int depth, struct strbuf *out)
{
    print_value(value, style, depth, out);
}

void json_print(const struct json *value, enum json_style style, struct strbuf *out)
{
    print_value(value, style, 0, out);
}

enum status json_write(const struct json *value, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    json_print(value, JSON_INDENTED, &text);
    strbuf_add_char(&text, '\n');
    enum status status = file_replace(path, text.bytes, text.length);
    strbuf_release(&text);
    return status;
}
