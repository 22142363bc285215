/* Members by their kind, of base/json.h: those that must be there, and those that may. */
#include "base/json.h"

#include <math.h>

static const char *kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_KIND_OBJECT] = "an object", [JSON_KIND_ARRAY] = "an array",
        [JSON_KIND_STRING] = "a string",  [JSON_KIND_INTEGER] = "an integer",
        [JSON_KIND_REAL] = "a number",    [JSON_KIND_BOOL] = "true or false",
        [JSON_KIND_NULL] = "null",
    };
    return names[kind];
}

static enum status need(const struct json *object, const char *key, const char *source,
                        const struct json **out)
{
    if (json_kind_of(object) != JSON_KIND_OBJECT)
        return bad_input("cannot use '%s': an object with '%s' is wanted, not %s", source, key,
                         kind_name(json_kind_of(object)));
    *out = json_member(object, key);
    return *out ? STATUS_OK : bad_input("cannot use '%s': '%s' is missing", source, key);
}

enum status json_need_kind(const struct json *object, const char *key, enum json_kind kind,
                           const char *source, const struct json **out)
{
    const struct json *value;
    TRY(need(object, key, source, &value));
    if (json_kind_of(value) != kind)
        return bad_input("cannot use '%s': '%s' is %s, not %s", source, key,
                         kind_name(json_kind_of(value)), kind_name(kind));
    *out = value;
    return STATUS_OK;
}

enum status json_need_integer(const struct json *object, const char *key, int64_t min, int64_t max,
                              const char *source, int64_t *out)
{
    const struct json *value;
    TRY(json_need_kind(object, key, JSON_KIND_INTEGER, source, &value));
    int64_t number = json_integer_of(value);
    if (number < min || number > max)
        return bad_input("cannot use '%s': '%s' is %lld, outside %lld to %lld", source, key,
                         (long long)number, (long long)min, (long long)max);
    *out = number;
    return STATUS_OK;
}

enum status json_need_number(const struct json *object, const char *key, const char *source,
                             double *out)
{
    const struct json *value;
    TRY(need(object, key, source, &value));
    enum json_kind kind = json_kind_of(value);
    if (kind != JSON_KIND_INTEGER && kind != JSON_KIND_REAL)
        return bad_input("cannot use '%s': '%s' is %s, not a number", source, key, kind_name(kind));
    *out = json_number_of(value);
    return STATUS_OK;
}

enum status json_need_text(const struct json *object, const char *key, const char *source,
                           const char **out)
{
    const struct json *value;
    TRY(json_need_kind(object, key, JSON_KIND_STRING, source, &value));
    *out = json_text(value);
    return STATUS_OK;
}

enum status json_need_bool(const struct json *object, const char *key, const char *source,
                           bool *out)
{
    const struct json *value;
    TRY(json_need_kind(object, key, JSON_KIND_BOOL, source, &value));
    *out = json_bool_of(value);
    return STATUS_OK;
}

double json_number_or_nan(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    bool is_number = value && (json_kind_of(value) == JSON_KIND_INTEGER ||
                               json_kind_of(value) == JSON_KIND_REAL);
    return is_number ? json_number_of(value) : (double)NAN;
}
