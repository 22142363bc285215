#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

/* `struct json` is jansson's json_t by another name: no field of it is used. */
static json_t *inner(const struct json *value)
{
    return (json_t *)value;
}

static struct json *outer(json_t *value)
{
    CHECK(value, "json: a value cannot be made");
    return (struct json *)value;
}

/* Before main, so that jansson's blocks are counted with all others. */
__attribute__((constructor)) static void use_counted_memory(void)
{
    json_set_alloc_funcs(memory_alloc, memory_free);
}

static enum status parse(const char *text, size_t length, const char *source, size_t flags,
                         struct json **out, size_t *used)
{
    json_error_t error;
    flags |= JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *value = json_loadb(text, length, flags, &error);
    *out = NULL;
    if (!value)
        return bad_input("cannot read '%s' as JSON: line %d, column %d: %s", source, error.line,
                         error.column, error.text);
    *out = outer(value);
    *used = (size_t)error.position;
    return STATUS_OK;
}

enum status json_parse(const char *text, size_t length, const char *source, struct json **out)
{
    size_t used;
    /* jansson 2.14 passes over a NUL that follows a number or a word. */
    const char *nul = length > 0 ? memchr(text, '\0', length) : NULL;
    *out = NULL;
    if (nul)
        return bad_input("cannot read '%s' as JSON: byte %zu is NUL", source, (size_t)(nul - text));
    return parse(text, length, source, 0, out, &used);
}

enum status json_parse_first(const char *text, size_t length, const char *source, struct json **out,
                             size_t *used)
{
    return parse(text, length, source, JSON_DISABLE_EOF_CHECK, out, used);
}

enum status json_read(const char *path, size_t max_bytes, struct json **out)
{
    struct strbuf text = STRBUF_INIT;
    *out = NULL;
    enum status status = file_read(path, max_bytes, &text);
    if (status == STATUS_OK)
        status = json_parse(text.bytes, text.length, path, out);
    strbuf_release(&text);
    return status;
}

void json_free(struct json *value)
{
    json_decref(inner(value));
}

enum json_kind json_kind_of(const struct json *value)
{
    switch (json_typeof(inner(value))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INTEGER;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    default:
        return JSON_KIND_NULL;
    }
}

const struct json *json_member(const struct json *object, const char *key)
{
    return (const struct json *)json_object_get(inner(object), key);
}

int64_t json_length(const struct json *value)
{
    return (int64_t)(json_is_object(inner(value)) ? json_object_size(inner(value))
                                                  : json_array_size(inner(value)));
}

const struct json *json_item(const struct json *array, int64_t index)
{
    CHECK(index >= 0 && index < json_length(array), "json: item %lld of %lld", (long long)index,
          (long long)json_length(array));
    return outer(json_array_get(inner(array), (size_t)index));
}

bool json_next_member(const struct json *object, void **cursor, const char **key,
                      const struct json **value)
{
    *cursor =
        *cursor ? json_object_iter_next(inner(object), *cursor) : json_object_iter(inner(object));
    if (!*cursor)
        return false;
    *key = json_object_iter_key(*cursor);
    *value = outer(json_object_iter_value(*cursor));
    return true;
}

const char *json_text(const struct json *value)
{
    CHECK(json_is_string(inner(value)), "json: the value is no string");
    return json_string_value(inner(value));
}

size_t json_text_length(const struct json *value)
{
    CHECK(json_is_string(inner(value)), "json: the value is no string");
    return json_string_length(inner(value));
}

int64_t json_integer_of(const struct json *value)
{
    CHECK(json_is_integer(inner(value)), "json: the value is no integer");
    return json_integer_value(inner(value));
}

double json_number_of(const struct json *value)
{
    CHECK(json_is_number(inner(value)), "json: the value is no number");
    return json_number_value(inner(value));
}

bool json_bool_of(const struct json *value)
{
    CHECK(json_is_boolean(inner(value)), "json: the value is no boolean");
    return json_is_true(inner(value));
}

struct json *json_duplicate(const struct json *value)
{
    return outer(json_deep_copy(inner(value)));
}

struct json *json_new_object(void)
{
    return outer(json_object());
}

struct json *json_new_array(void)
{
    return outer(json_array());
}

struct json *json_new_text(const char *text, size_t length)
{
    struct strbuf clean = STRBUF_INIT;
    utf8_add_repaired(&clean, text, length);
    struct json *value = outer(json_stringn_nocheck(clean.bytes, clean.length));
    strbuf_release(&clean);
    return value;
}

void json_put(struct json *object, const char *key, struct json *value)
{
    CHECK(json_object_set_new(inner(object), key, inner(value)) == 0,
          "json: member '%s' cannot be set", key);
}

void json_put_text(struct json *object, const char *key, const char *text)
{
    json_put(object, key, json_new_text(text, strlen(text)));
}

void json_put_integer(struct json *object, const char *key, int64_t value)
{
    json_put(object, key, outer(json_integer(value)));
}

static struct json *new_number(double value)
{
    return outer(isfinite(value) ? json_real(value) : json_null());
}

void json_put_number(struct json *object, const char *key, double value)
{
    json_put(object, key, new_number(value));
}

void json_put_bool(struct json *object, const char *key, bool value)
{
    json_put(object, key, outer(json_boolean(value)));
}

void json_put_null(struct json *object, const char *key)
{
    json_put(object, key, outer(json_null()));
}

void json_append(struct json *array, struct json *value)
{
    CHECK(json_array_append_new(inner(array), inner(value)) == 0, "json: an item cannot be added");
}

void json_append_text(struct json *array, const char *text)
{
    json_append(array, json_new_text(text, strlen(text)));
}

void json_append_integer(struct json *array, int64_t value)
{
    json_append(array, outer(json_integer(value)));
}

void json_append_number(struct json *array, double value)
{
    json_append(array, new_number(value));
}
