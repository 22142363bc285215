#include "checkpoints/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"

#define MANIFEST_MAX_BYTES ((size_t)64 << 20)
#define FORMAT_NAME        "eon-checkpoint"

enum { CHECKSUM_DIGITS = SHA256_HEX - 1 };
static const char text_end[] = "\"\n}\n"; /* after the checksum's digits */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const struct manifest_tensor *)a)->name,
                  ((const struct manifest_tensor *)b)->name);
}

const struct manifest_tensor *manifest_find_tensor(const struct manifest *manifest,
                                                   const char *name)
{
    const struct manifest_tensor wanted = { .name = (char *)name };
    return manifest->tensor_count == 0
               ? NULL
               : bsearch(&wanted, manifest->tensors, (size_t)manifest->tensor_count,
                         sizeof *manifest->tensors, compare_tensors);
}

bool manifest_file_holds_tensors(const struct manifest_file *file)
{
    static const char extension[] = ".safetensors";
    size_t length = strlen(file->name), tail = sizeof extension - 1;
    return length > tail && strcmp(file->name + length - tail, extension) == 0;
}

int64_t manifest_find(const struct manifest *manifest, const char *name)
{
    struct manifest_file wanted;
    if (strlen(name) >= sizeof wanted.name)
        return -1;
    memcpy(wanted.name, name, strlen(name) + 1);
    const struct manifest_file *found =
        bsearch(&wanted, manifest->files, (size_t)manifest->file_count, sizeof *manifest->files,
                compare_names);
    return found ? found - manifest->files : -1;
}

static void checksum_before(const char *text, size_t length, char hex[SHA256_HEX])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, text, length);
    sha256_finish_hex(&hash, hex);
}

static void put_crc32(struct json *object, const char *key, uint32_t crc32)
{
    char digits[9];
    snprintf(digits, sizeof digits, "%08" PRIx32, crc32);
    json_put_text(object, key, digits);
}

static struct json *files_to_json(const struct manifest *manifest)
{
    struct json *files = json_new_array();
    for (int64_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        struct json *entry = json_new_object();
        json_put_text(entry, "name", file->name);
        json_put_integer(entry, "size", file->size_bytes);
        put_crc32(entry, "crc32", file->crc32);
        if (manifest_file_holds_tensors(file))
            put_crc32(entry, "header_crc32", file->header_crc32);
        json_append(files, entry);
    }
    return files;
}

static struct json *tensors_to_json(const struct manifest *manifest)
{
    struct json *tensors = json_new_object();
    for (int64_t i = 0; i < manifest->tensor_count; i++)
        put_crc32(tensors, manifest->tensors[i].name, manifest->tensors[i].crc32);
    return tensors;
}

void manifest_print(struct manifest *manifest, struct strbuf *out)
{
    qsort(manifest->files, (size_t)manifest->file_count, sizeof *manifest->files, compare_names);
    for (int64_t i = 1; i < manifest->file_count; i++)
        CHECK(compare_names(&manifest->files[i - 1], &manifest->files[i]) != 0,
              "file '%s' comes twice in a checkpoint", manifest->files[i].name);

    struct json *json = json_new_object();
    json_put_text(json, "format", FORMAT_NAME);
    json_put_integer(json, "version", MANIFEST_VERSION);
    json_put_integer(json, "step", manifest->step);
    json_put_integer(json, "world_size", manifest->world_size);
    json_put_text(json, "created", manifest->created);
    json_put(json, "files", files_to_json(manifest));
    json_put(json, "tensors", tensors_to_json(manifest));
    json_put_text(json, "checksum", ""); /* its digits are known when the rest is text */
    strbuf_reset(out);
    json_print(json, JSON_INDENTED, out);
    json_free(json);

    while (out->bytes[out->length - 1] != '"') /* the closing brace and white space */
        out->length--;
    out->length--;
    out->bytes[out->length] = '\0';
    checksum_before(out->bytes, out->length, manifest->checksum);
    strbuf_addf(out, "%s%s", manifest->checksum, text_end);
}

static enum status check_checksum(const char *text, size_t length, const char *source,
                                  struct manifest *out)
{
    const size_t tail = CHECKSUM_DIGITS + sizeof text_end - 1;
    if (length <= tail ||
        memcmp(text + length - (sizeof text_end - 1), text_end, sizeof text_end - 1) != 0)
        return bad_input("cannot trust '%s': it does not end in a checksum", source);
    checksum_before(text, length - tail, out->checksum);
    if (memcmp(text + length - tail, out->checksum, CHECKSUM_DIGITS) != 0)
        return bad_input("cannot trust '%s': its content does not match its checksum", source);
    return STATUS_OK;
}

static enum status parse_crc32(const struct json *json, const char *key, const char *source,
                               uint32_t *out)
{
    const char *text;
    TRY(json_need_text(json, key, source, &text));
    if (strlen(text) != 8 || strspn(text, "0123456789abcdef") != 8)
        return bad_input("cannot read '%s': checksum '%s' is not 8 hexadecimal digits", source,
                         text);
    *out = (uint32_t)strtoul(text, NULL, 16);
    return STATUS_OK;
}

static enum status parse_file(const struct json *json, const char *source, int64_t version,
                              struct manifest_file *out)
{
    const char *name;
    if (json_kind_of(json) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': 'files' holds something that is no object", source);
    TRY(json_need_text(json, "name", source, &name));
    TRY(json_need_integer(json, "size", 0, INT64_MAX, source, &out->size_bytes));
    TRY(parse_crc32(json, "crc32", source, &out->crc32));
    if (!manifest_name_is_allowed(name) ||
        strlen(name) != json_text_length(json_member(json, "name")))
        return bad_input("cannot read '%s': file name '%s' is not allowed", source, name);
    memcpy(out->name, name, strlen(name) + 1);
    if (version < 3 || !manifest_file_holds_tensors(out))
        return STATUS_OK;
    return parse_crc32(json, "header_crc32", source, &out->header_crc32);
}

static enum status parse_files(const struct json *json, const char *source, struct manifest *out)
{
    const struct json *files;
    TRY(json_need_kind(json, "files", JSON_KIND_ARRAY, source, &files));
    int64_t count = json_length(files);
    out->files = memory_alloc_zeroed((size_t)count + 1, sizeof *out->files);
    out->file_count = count;
    for (int64_t i = 0; i < count; i++) {
        TRY(parse_file(json_item(files, i), source, out->version, &out->files[i]));
        if (i > 0 && compare_names(&out->files[i - 1], &out->files[i]) >= 0)
            return bad_input("cannot read '%s': file '%s' is out of order or comes twice", source,
                             out->files[i].name);
    }
    return STATUS_OK;
}

static enum status parse_tensors(const struct json *json, const char *source, struct manifest *out)
{
    const struct json *tensors, *value;
    const char *name;
    TRY(json_need_kind(json, "tensors", JSON_KIND_OBJECT, source, &tensors));
    out->tensors = memory_alloc_zeroed((size_t)json_length(tensors) + 1, sizeof *out->tensors);
    for (void *cursor = NULL; json_next_member(tensors, &cursor, &name, &value);) {
        struct manifest_tensor *tensor = &out->tensors[out->tensor_count++];
        tensor->name = memory_copy_string(name);
        TRY(parse_crc32(tensors, name, source, &tensor->crc32));
        if (out->tensor_count > 1 && compare_tensors(tensor - 1, tensor) >= 0)
            return bad_input("cannot read '%s': tensor '%s' is out of order", source, name);
    }
    return STATUS_OK;
}

static enum status parse_members(const struct json *json, const char *source, struct manifest *out)
{
    const char *format, *created;
    if (json_kind_of(json) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': it is no JSON object", source);
    TRY(json_need_text(json, "format", source, &format));
    if (strcmp(format, FORMAT_NAME) != 0)
        return bad_input("cannot read '%s': format '%s' is not '" FORMAT_NAME "'", source, format);
    TRY(json_need_integer(json, "version", 1, INT64_MAX, source, &out->version));
    if (out->version > MANIFEST_VERSION)
        return bad_input("cannot read '%s': format version %" PRId64
                         " is newer than this program, which reads %d",
                         source, out->version, MANIFEST_VERSION);
    TRY(json_need_integer(json, "step", 0, INT64_MAX, source, &out->step));
    TRY(json_need_integer(json, "world_size", 1, INT32_MAX, source, &out->world_size));
    TRY(json_need_text(json, "created", source, &created));
    if (strlen(created) >= sizeof out->created)
        return bad_input("cannot read '%s': 'created' is too long", source);
    memcpy(out->created, created, strlen(created) + 1);
    TRY(parse_files(json, source, out));
    return out->version < 3 ? STATUS_OK : parse_tensors(json, source, out);
}

enum status manifest_parse(const char *text, size_t length, const char *source,
                           struct manifest *out)
{
    struct json *json;
    *out = (struct manifest){ 0 };
    TRY(check_checksum(text, length, source, out));
    TRY(json_parse(text, length, source, &json));
    enum status status = parse_members(json, source, out);
    json_free(json);
    if (status != STATUS_OK)
        manifest_release(out);
    return status;
}

enum status manifest_read(const char *path, struct manifest *out)
{
    struct strbuf text = STRBUF_INIT;
    enum status status = checked_file_load(path, MANIFEST_MAX_BYTES, &text);
    if (status == STATUS_OK)
        status = manifest_parse(text.bytes, text.length, path, out);
    strbuf_release(&text);
    return status;
}

void manifest_release(struct manifest *manifest)
{
    for (int64_t i = 0; i < manifest->tensor_count; i++)
        memory_free(manifest->tensors[i].name);
    memory_free(manifest->tensors);
    memory_free(manifest->files);
    *manifest = (struct manifest){ 0 };
}
