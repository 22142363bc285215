#include "shards/inputs/json_line.h"

#include <stdint.h>
#include <string.h>

#include "shards/inputs/json_string.h"

struct scan {
    const char *at, *end;
    struct json_field *fields;
    int field_count;
    struct json_field *field;                         /* whose value comes next, or NULL */
    int depth;                                        /* objects and arrays that are open */
    uint64_t is_object[JSON_LINE_MAX_DEPTH / 64 + 1]; /* a bit for each of them */
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

/* The next byte, which is not yet used; 0, which JSON has nowhere, at the end. */
static char peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool take_digits(struct scan *scan)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > begin;
}

static bool take_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return false;
    if (take(scan, '.') && !take_digits(scan))
        return false;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    if (!take(scan, '+'))
        take(scan, '-');
    return take_digits(scan);
}

/* ---- strings ---- */

static bool take_string(struct scan *scan, struct strbuf *out)
{
    size_t length;
    char *room = NULL;
    if (!take(scan, '"'))
        return false;
    if (out) {
        strbuf_reset(out);
        strbuf_reserve(out, (size_t)(scan->end - scan->at) + JSON_STRING_SLACK);
        room = out->bytes;
    }
    const char *after = json_string_scan(scan->at, scan->end, room, &length);
    if (!after)
        return false;
    scan->at = after;
    if (out) {
        out->length = length;
        out->bytes[length] = '\0';
    }
    return true;
}

/* `quoted` up to `after`: a key as it stands in the line, with its quotes. */
static bool is_key(const char *quoted, const char *after, const char *wanted)
{
    const size_t longest_escape = 6; /* bytes for one, as \u0041 */
    char plain[JSON_LINE_MAX_KEY * 6 + JSON_STRING_SLACK];
    size_t raw = (size_t)(after - quoted) - 2, length = strlen(wanted);
    if (raw == length)
        return memcmp(quoted + 1, wanted, length) == 0;
    if (raw < length || raw > longest_escape * JSON_LINE_MAX_KEY || !memchr(quoted, '\\', raw))
        return false;
    json_string_scan(quoted + 1, after, plain, &raw);
    return raw == length && memcmp(plain, wanted, length) == 0;
}

static bool take_key(struct scan *scan)
{
    const char *quoted = scan->at;
    if (!take_string(scan, NULL))
        return false;
    scan->field = NULL;
    for (int i = 0; scan->depth == 1 && i < scan->field_count; i++)
        if (is_key(quoted, scan->at, scan->fields[i].key))
            scan->field = &scan->fields[i];
    skip_space(scan);
    return take(scan, ':');
}

/* ---- values ---- */

static bool in_object(const struct scan *scan)
{
    return scan->is_object[scan->depth / 64] >> scan->depth % 64 & 1;
}

/* Opens an object or array. *empty: it closed at once. */
static bool open_level(struct scan *scan, bool object, bool *empty)
{
    if (scan->depth == JSON_LINE_MAX_DEPTH)
        return false;
    scan->depth++;
    uint64_t bit = UINT64_C(1) << scan->depth % 64, *word = &scan->is_object[scan->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    skip_space(scan);
    *empty = take(scan, object ? '}' : ']');
    scan->depth -= *empty;
    return *empty || !object || take_key(scan);
}

static bool take_scalar(struct scan *scan)
{
    struct json_field *field = scan->field;
    const char *begin = scan->at;
    enum json_field_kind kind = JSON_FIELD_OTHER;
    bool good;
    switch (peek(scan)) {
    case '"':
        kind = JSON_FIELD_STRING;
        good = take_string(scan, field ? field->value : NULL);
        break;
    case 't':
        good = take_word(scan, "true");
        break;
    case 'f':
        good = take_word(scan, "false");
        break;
    case 'n':
        good = take_word(scan, "null");
        break;
    default:
        kind = JSON_FIELD_NUMBER;
        good = take_number(scan);
    }
    if (good && field && kind == JSON_FIELD_NUMBER) {
        strbuf_reset(field->value);
        strbuf_add(field->value, begin, (size_t)(scan->at - begin));
    }
    if (field)
        field->kind = kind;
    scan->field = NULL;
    return good;
}

/* After a value: closes what ends here, and goes to where the next value begins.
 * False: neither is here. */
static bool go_on(struct scan *scan)
{
    for (;;) {
        skip_space(scan);
        if (scan->depth == 0)
            return true;
        if (take(scan, ',')) {
            skip_space(scan);
            return !in_object(scan) || take_key(scan);
        }
        if (!take(scan, in_object(scan) ? '}' : ']'))
            return false;
        scan->depth--;
    }
}

/* One value, or the opening of one. */
static bool take_value(struct scan *scan)
{
    bool empty = true;
    skip_space(scan);
    char c = peek(scan);
    if (c != '{' && c != '[') {
        if (!take_scalar(scan))
            return false;
    } else {
        if (scan->field)
            scan->field->kind = JSON_FIELD_OTHER;
        scan->field = NULL;
        scan->at++;
        if (!open_level(scan, c == '{', &empty))
            return false;
    }
    return !empty || go_on(scan);
}

bool json_line_scan(const char *line, size_t length, struct json_field *fields, int field_count)
{
    struct scan scan = {
        .at = line,
        .end = line + length,
        .fields = fields,
        .field_count = field_count,
    };
    for (int i = 0; i < field_count; i++)
        fields[i].kind = JSON_FIELD_ABSENT;
    skip_space(&scan);
    if (peek(&scan) != '{')
        return false;
    do {
        if (!take_value(&scan))
            return false;
    } while (scan.depth > 0);
    return scan.at == scan.end;
}
