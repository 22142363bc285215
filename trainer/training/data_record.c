#include "trainer/training/data_record.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#define RECORD_VERSION   1
#define RECORD_MAX_BYTES ((size_t)16 << 20)
#define STEPS_MAX        ((int64_t)1000000000000)

static void add_part(struct data_record *record, const struct data_part *part)
{
    record->parts =
        memory_realloc(record->parts, (size_t)(record->count + 1) * sizeof *record->parts);
    record->parts[record->count] = *part;
    record->parts[record->count++].corpus = memory_copy_string(part->corpus);
}

static enum status read_part(const struct json *item, const char *path, struct data_record *out)
{
    struct data_part part;
    const char *corpus, *digest;
    const int64_t least = out->count > 0 ? out->parts[out->count - 1].from_step + 1 : 0;
    TRY(json_need_integer(item, "from_step", least, STEPS_MAX, path, &part.from_step));
    TRY(json_need_text(item, "corpus", path, &corpus));
    TRY(json_need_text(item, "corpus_digest", path, &digest));
    if (strlen(digest) != SHA256_HEX - 1)
        return bad_input("cannot use '%s': 'corpus_digest' is not 64 hexadecimal digits", path);
    memcpy(part.corpus_digest, digest, SHA256_HEX);
    TRY(json_need_integer(item, "seed", 0, INT64_MAX, path, &part.seed));
    TRY(json_need_integer(item, "seq_len", 1, 1 << 20, path, &part.seq_len));
    TRY(json_need_integer(item, "leaves", 1, 65536, path, &part.leaves));
    TRY(json_need_integer(item, "leaf_sequences", 1, 65536, path, &part.leaf_sequences));
    part.corpus = (char *)corpus; /* copied by the addition */
    add_part(out, &part);
    return STATUS_OK;
}

static enum status read_parts(const struct json *root, const char *path, struct data_record *out)
{
    int64_t version;
    const struct json *parts;
    TRY(json_need_integer(root, "format_version", RECORD_VERSION, RECORD_VERSION, path, &version));
    TRY(json_need_kind(root, "parts", JSON_KIND_ARRAY, path, &parts));
    for (int64_t i = 0; i < json_length(parts); i++)
        TRY(read_part(json_item(parts, i), path, out));
    return STATUS_OK;
}

enum status data_record_read(const char *run, struct data_record *out)
{
    *out = (struct data_record){ 0 };
    char *path = path_join(run, DATA_RECORD_FILE);
    struct json *root = NULL;
    enum status status = STATUS_OK;
    if (file_exists(path))
        status = json_read(path, RECORD_MAX_BYTES, &root);
    if (status == STATUS_OK && root)
        status = read_parts(root, path, out);
    if (status != STATUS_OK)
        data_record_release(out);
    json_free(root);
    memory_free(path);
    return status;
}

void data_record_release(struct data_record *record)
{
    for (int64_t i = 0; i < record->count; i++)
        memory_free(record->parts[i].corpus);
    memory_free(record->parts);
    *record = (struct data_record){ 0 };
}

static enum status write_record(const struct data_record *record, const char *run)
{
    struct json *root = json_new_object(), *parts = json_new_array();
    for (int64_t i = 0; i < record->count; i++) {
        const struct data_part *part = &record->parts[i];
        struct json *item = json_new_object();
        json_put_integer(item, "from_step", part->from_step);
        json_put_text(item, "corpus", part->corpus);
        json_put_text(item, "corpus_digest", part->corpus_digest);
        json_put_integer(item, "seed", part->seed);
        json_put_integer(item, "seq_len", part->seq_len);
        json_put_integer(item, "leaves", part->leaves);
        json_put_integer(item, "leaf_sequences", part->leaf_sequences);
        json_append(parts, item);
    }
    json_put_integer(root, "format_version", RECORD_VERSION);
    json_put(root, "parts", parts);
    char *path = path_join(run, DATA_RECORD_FILE);
    enum status status = json_write(root, path);
    memory_free(path);
    json_free(root);
    return status;
}

/* Wherever the corpora lie by now. */
static bool is_same_data(const struct data_part *a, const struct data_part *b)
{
    return strcmp(a->corpus_digest, b->corpus_digest) == 0 && a->seed == b->seed &&
           a->seq_len == b->seq_len && a->leaves == b->leaves &&
           a->leaf_sequences == b->leaf_sequences;
}

enum status data_record_begin(const char *run, const struct data_part *part)
{
    struct data_record record;
    TRY(data_record_read(run, &record));
    const int64_t before = record.count;
    while (record.count > 0 && record.parts[record.count - 1].from_step >= part->from_step)
        memory_free(record.parts[--record.count].corpus);
    bool goes_on = record.count > 0 && is_same_data(&record.parts[record.count - 1], part);
    bool changed = record.count != before || !goes_on;
    if (!goes_on)
        add_part(&record, part);
    enum status status = changed ? write_record(&record, run) : STATUS_OK;
    data_record_release(&record);
    return status;
}

const struct data_part *data_record_part(const struct data_record *record, int64_t step)
{
    const struct data_part *found = NULL;
    for (int64_t i = 0; i < record->count && record->parts[i].from_step <= step; i++)
        found = &record->parts[i];
    return found;
}
