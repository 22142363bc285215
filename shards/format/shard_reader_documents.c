/* The documents of a shard: where they begin, and what they are called. */
#include <string.h>

#include "shards/format/shard_reader_parts.h"

enum { DOCUMENTS_AT_ONCE = 512 };

/* What a shard that was opened again lacks at first. */
static enum status need_documents(struct shard_reader *reader)
{
    enum status status = STATUS_OK;
    hdf5_lock();
    if (reader->sources.dataset < 0)
        status = shard_reader_open_documents(reader);
    hdf5_unlock();
    return shard_reader_about(reader, status);
}

enum status shard_reader_read_offsets(struct shard_reader *reader, int64_t first, int64_t count,
                                      struct chunk_scratch *scratch, uint64_t *offsets)
{
    TRY(need_documents(reader));
    return shard_reader_about(
        reader, column_reader_range(&reader->offsets, first, count, scratch, offsets));
}

enum status shard_reader_find_document(struct shard_reader *reader, int64_t place,
                                       struct chunk_scratch *scratch, int64_t *document)
{
    int64_t low = 0, high = reader->claim.documents; /* it is within [low, high] */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        uint64_t offset;
        TRY(shard_reader_read_offsets(reader, middle, 1, scratch, &offset));
        if (offset < (uint64_t)place)
            low = middle + 1;
        else
            high = middle;
    }
    *document = low;
    return STATUS_OK;
}

enum status shard_reader_mark_documents(struct shard_reader *reader, int64_t first, int64_t count,
                                        struct chunk_scratch *scratch, uint64_t *begins)
{
    uint64_t offsets[DOCUMENTS_AT_ONCE], least = (uint64_t)first, end = least + (uint64_t)count;
    int64_t document;
    memset(begins, 0, document_bits_bytes(count));
    TRY(shard_reader_find_document(reader, first, scratch, &document));
    while (document < reader->claim.documents) {
        int64_t left = reader->claim.documents - document;
        int64_t taken = left < DOCUMENTS_AT_ONCE ? left : DOCUMENTS_AT_ONCE;
        TRY(shard_reader_read_offsets(reader, document, taken, scratch, offsets));
        for (int64_t i = 0; i < taken; i++, document++) {
            if (offsets[i] >= end)
                return STATUS_OK;
            if (offsets[i] < least)
                return shard_reader_about(
                    reader, bad_input("document %lld begins at token %llu, before %llu",
                                      (long long)document, (unsigned long long)offsets[i],
                                      (unsigned long long)least));
            document_bits_set(begins, (int64_t)offsets[i] - first);
            least = offsets[i] + 1;
        }
    }
    return STATUS_OK;
}

enum status shard_reader_read_sources(struct shard_reader *reader, int64_t first, int64_t count,
                                      struct chunk_scratch *scratch, uint64_t *sources)
{
    TRY(need_documents(reader));
    return shard_reader_about(
        reader, column_reader_range(&reader->sources, first, count, scratch, sources));
}

/* ---- Numbers and names --------------------------------------------------------------------------
 */

static bool has(const struct shard_reader *reader, const char *name)
{
    return H5Lexists(reader->documents, name, H5P_DEFAULT) > 0;
}

/* Under hdf5_lock. */
static enum status open_labels(struct shard_reader *reader)
{
    const int64_t documents = reader->claim.documents;
    if (reader->version == 0)
        TRY(shard_reader_read_version(reader));
    if (reader->version < SHARD_FORMAT_LABELLED)
        return STATUS_OK;
    if (has(reader, SHARD_DOCUMENT_NUMBERS))
        TRY(column_reader_open(&reader->numbers, &reader->at, reader->documents,
                               SHARD_DOCUMENT_NUMBERS, 8, documents));
    if (!has(reader, SHARD_DOCUMENT_NAMES) && !has(reader, SHARD_NAME_OFFSETS))
        return STATUS_OK;
    TRY(column_reader_open(&reader->name_offsets, &reader->at, reader->documents,
                           SHARD_NAME_OFFSETS, 8, documents + 1));
    return column_reader_open(&reader->names, &reader->at, reader->documents, SHARD_DOCUMENT_NAMES,
                              1, COLUMN_COUNT_ANY);
}

static enum status need_labels(struct shard_reader *reader)
{
    enum status status = STATUS_OK;
    TRY(need_documents(reader));
    hdf5_lock();
    if (!reader->labels_are_open)
        status = open_labels(reader);
    hdf5_unlock();
    reader->labels_are_open = status == STATUS_OK;
    return shard_reader_about(reader, status);
}

static enum status read_name(struct shard_reader *reader, int64_t document,
                             struct chunk_scratch *scratch, struct document_label *label)
{
    uint64_t offsets[2];
    TRY(column_reader_range(&reader->name_offsets, document, 2, scratch, offsets));
    if (offsets[0] > offsets[1] || offsets[1] > (uint64_t)reader->names.count ||
        offsets[1] - offsets[0] > SHARD_MAX_NAME_BYTES)
        return bad_input("the name of document %lld is at bytes %llu to %llu of %lld",
                         (long long)document, (unsigned long long)offsets[0],
                         (unsigned long long)offsets[1], (long long)reader->names.count);
    label->has_name = true;
    for (uint64_t at = offsets[0]; at < offsets[1]; at++) {
        uint64_t byte;
        TRY(column_reader_range(&reader->names, (int64_t)at, 1, scratch, &byte));
        strbuf_add_char(&label->name, (char)byte);
    }
    return STATUS_OK;
}

enum status shard_reader_read_label(struct shard_reader *reader, int64_t document,
                                    struct chunk_scratch *scratch, struct document_label *label)
{
    label->has_number = label->has_name = false;
    strbuf_reset(&label->name);
    TRY(need_labels(reader));
    label->has_number = reader->numbers.dataset >= 0;
    if (label->has_number)
        TRY(shard_reader_about(
            reader, column_reader_range(&reader->numbers, document, 1, scratch, &label->number)));
    if (reader->names.dataset < 0)
        return STATUS_OK;
    return shard_reader_about(reader, read_name(reader, document, scratch, label));
}

static enum status verify_names(struct shard_reader *reader, struct chunk_scratch *scratch)
{
    uint64_t first, last;
    TRY(column_reader_range(&reader->name_offsets, 0, 1, scratch, &first));
    TRY(column_reader_range(&reader->name_offsets, reader->claim.documents, 1, scratch, &last));
    if (first != 0 || last != (uint64_t)reader->names.count)
        return bad_input("its names are bytes %llu to %llu of %lld", (unsigned long long)first,
                         (unsigned long long)last, (long long)reader->names.count);
    return STATUS_OK;
}

enum status shard_reader_verify_labels(struct shard_reader *reader, struct chunk_scratch *scratch)
{
    struct document_label label = { .name = STRBUF_INIT };
    enum status status = need_labels(reader);
    if (status == STATUS_OK && reader->names.dataset >= 0)
        status = shard_reader_about(reader, verify_names(reader, scratch));
    for (int64_t d = 0; d < reader->claim.documents && status == STATUS_OK; d++)
        status = shard_reader_read_label(reader, d, scratch, &label);
    strbuf_release(&label.name);
    return status;
}
