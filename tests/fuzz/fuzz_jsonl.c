/* json_line: a line is an object for it where it is one for jansson, with the same text. */
#include "base/json.h"
#include "base/utf8.h"
#include "shards/inputs/json_line.h"
#include "tests/fuzz/fuzz_target.h"

static struct strbuf text, id;

void fuzz_begin(void)
{
    strbuf_init(&text);
    strbuf_init(&id);
}

/* What jansson refuses by bounds of its own, or by rules that are not RFC 8259's. */
static bool is_jansson_alone(void)
{
    static const char *const reasons[] = { "duplicate object key", "too big integer",
                                           "too big negative integer", "real number overflow",
                                           "NUL byte in object key" };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(status_message(), reasons[i]))
            return true;
    return false;
}

static void compare_text(const struct json_field *field, const struct json *object)
{
    const struct json *value = json_member(object, field->key);
    CHECK((field->kind == JSON_FIELD_ABSENT) == !value, "'%s' is there for one alone", field->key);
    if (!value)
        return;
    bool is_text = json_kind_of(value) == JSON_KIND_STRING;
    CHECK(is_text == (field->kind == JSON_FIELD_STRING), "'%s' is text for one alone", field->key);
    if (is_text)
        CHECK(field->value->length == json_text_length(value) &&
                  memcmp(field->value->bytes, json_text(value), field->value->length) == 0,
              "'%s' differs", field->key);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct json_field fields[] = { { .key = "text", .value = &text },
                                   { .key = "id", .value = &id } };
    char *line = memory_alloc(size); /* of its own size, so that a byte too far is seen */
    memcpy(line, data, size);
    struct json *value = NULL;
    bool valid = utf8_valid_bytes(line, size) == size;
    bool good = valid && json_line_scan(line, size, fields, 2);
    bool known = json_parse(line, size, "line", &value) == STATUS_OK;
    bool object = known && json_kind_of(value) == JSON_KIND_OBJECT;
    CHECK(valid || !known, "jansson takes what is no UTF-8");
    if (object && good)
        for (int i = 0; i < 2; i++)
            compare_text(&fields[i], value);
    if (known || !is_jansson_alone())
        CHECK(good == object, "json_line says %d, jansson %d: %s", good, object, status_message());
    json_free(value);
    memory_free(line);
    strbuf_release(&text);
    strbuf_release(&id);
}
