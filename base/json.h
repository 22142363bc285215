/* json: reading and writing JSON. json.c alone knows jansson.
 *
 * `struct json` is a value of any kind, owned by whoever created it; members
 * and items are borrowed from their parent. Reading is strict: duplicate keys,
 * trailing bytes, invalid UTF-8, NUL in keys and deep nesting are bad input,
 * named with line and column.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"

struct json;

enum json_kind {
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_INTEGER,
    JSON_KIND_REAL,
    JSON_KIND_BOOL,
    JSON_KIND_NULL
};

/* `source` names the text in messages. */
enum status json_parse(const char *text, size_t length, const char *source, struct json **out);
/* The value that the text begins with; *used: its bytes. More may follow. */
enum status json_parse_first(const char *text, size_t length, const char *source, struct json **out,
                             size_t *used);
enum status json_read(const char *path, size_t max_bytes, struct json **out);
void json_free(struct json *value); /* NULL is allowed */

enum json_kind json_kind_of(const struct json *value);
const struct json *json_member(const struct json *object, const char *key); /* or NULL */
int64_t json_length(const struct json *value); /* items of an array, members of an object */
const struct json *json_item(const struct json *array, int64_t index);
/* Members in the order of the file: key and value of member `cursor`; false at the end.
 * Start with *cursor = NULL. */
bool json_next_member(const struct json *object, void **cursor, const char **key,
                      const struct json **value);

/* Values of a known kind; fatal on another. Strings may hold NUL: see length. */
const char *json_text(const struct json *value);
size_t json_text_length(const struct json *value);
int64_t json_integer_of(const struct json *value);
double json_number_of(const struct json *value); /* integer or real */
bool json_bool_of(const struct json *value);

/* A member that must be there, of its kind and within bounds; else bad input
 * that names `source` and the key. */
enum status json_need_integer(const struct json *object, const char *key, int64_t min, int64_t max,
                              const char *source, int64_t *out);
enum status json_need_number(const struct json *object, const char *key, const char *source,
                             double *out);
enum status json_need_text(const struct json *object, const char *key, const char *source,
                           const char **out);
enum status json_need_bool(const struct json *object, const char *key, const char *source,
                           bool *out);
enum status json_need_kind(const struct json *object, const char *key, enum json_kind kind,
                           const char *source, const struct json **out);

/* NaN where there is no such member, or no number: one that is not finite is written as null. */
double json_number_or_nan(const struct json *object, const char *key);

struct json *json_duplicate(const struct json *value); /* with all that it holds */
struct json *json_new_object(void);
struct json *json_new_array(void);
/* Bytes that are not UTF-8 become U+FFFD: a model may generate them, a file name hold them. */
struct json *json_new_text(const char *text, size_t length);
void json_put(struct json *object, const char *key, struct json *value); /* takes `value` */
void json_put_text(struct json *object, const char *key, const char *text);
void json_put_integer(struct json *object, const char *key, int64_t value);
void json_put_number(struct json *object, const char *key, double value); /* NaN, Inf become null */
void json_put_bool(struct json *object, const char *key, bool value);
void json_put_null(struct json *object, const char *key);
void json_append(struct json *array, struct json *value); /* takes `value` */
void json_append_text(struct json *array, const char *text);
void json_append_integer(struct json *array, int64_t value);
void json_append_number(struct json *array, double value);

enum json_style { JSON_COMPACT, JSON_INDENTED };
/* Members in the order of their insertion, numbers by strbuf_add_number. */
void json_print(const struct json *value, enum json_style style, struct strbuf *out);
/* Parts of it, for json_stream: a value that lies `depth` levels deep, a string, a line's end. */
void json_print_at(const struct json *value, enum json_style style, int depth, struct strbuf *out);
void json_print_text(const char *text, size_t length, struct strbuf *out);
void json_print_new_line(int depth, struct strbuf *out);
enum status json_write(const struct json *value, const char *path); /* indented, by file_replace */

#endif
