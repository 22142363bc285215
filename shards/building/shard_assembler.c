#include "shards/building/shard_assembler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/chunk_segment.h"
#include "shards/format/file_digest.h"
#include "shards/format/shard_format.h"

struct shard_assembler {
    const struct shard_assembly *assembly;
    struct segment_encoder *encoder;
    struct strbuf segment;
    struct lot lot;
};

struct shard_assembler *shard_assembler_create(const struct shard_assembly *assembly)
{
    struct shard_assembler *assembler = memory_alloc_zeroed(1, sizeof *assembler);
    assembler->assembly = assembly;
    assembler->encoder = segment_encoder_create();
    strbuf_init(&assembler->segment);
    return assembler;
}

void shard_assembler_free(struct shard_assembler *assembler)
{
    if (!assembler)
        return;
    segment_encoder_free(assembler->encoder);
    strbuf_release(&assembler->segment);
    lot_release(&assembler->lot);
    memory_free(assembler);
}

static size_t token_bytes(const struct shard_assembly *assembly)
{
    return shard_token_bytes(assembly->vocab_size);
}

/* ---- files ---- */

void shard_file_name(const struct layout_shard *shard, struct strbuf *out)
{
    strbuf_reset(out);
    strbuf_addf(out, "%s-%05lld.h5", corpus_split_names[shard->split], (long long)shard->number);
}

static void shard_path(const struct shard_assembly *assembly, const struct layout_shard *shard,
                       const char *suffix, struct strbuf *out)
{
    struct strbuf name = STRBUF_INIT;
    shard_file_name(shard, &name);
    strbuf_reset(out);
    strbuf_addf(out, "%s/%s%s", assembly->folder, name.bytes, suffix);
    strbuf_release(&name);
}

static void segment_path(const struct shard_assembly *assembly, const struct layout_shard *shard,
                         int64_t segment, struct strbuf *out)
{
    shard_path(assembly, shard, "", out);
    strbuf_addf(out, ".segment-%lld", (long long)segment);
}

/* An interrupted commit may have taken the shard and left its digest. */
bool shard_is_complete(const struct shard_assembly *assembly, const struct layout_shard *shard)
{
    struct strbuf path = STRBUF_INIT;
    shard_path(assembly, shard, ".sha256", &path);
    bool complete = file_exists(path.bytes);
    shard_path(assembly, shard, "", &path);
    complete = complete && file_exists(path.bytes);
    strbuf_release(&path);
    return complete;
}

static enum status write_digest(const struct shard_assembly *assembly,
                                const struct layout_shard *shard, const char *shard_file)
{
    struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
    char hex[SHA256_HEX];
    int64_t bytes;
    enum status status = file_digest(shard_file, hex, &bytes);
    if (status == STATUS_OK) {
        strbuf_addf(&text, "%s %lld\n", hex, (long long)bytes);
        shard_path(assembly, shard, ".sha256", &path);
        status = file_replace(path.bytes, text.bytes, text.length);
    }
    strbuf_release(&path);
    strbuf_release(&text);
    return status;
}

enum status shard_read_digest(const struct shard_assembly *assembly,
                              const struct layout_shard *shard, char sha256[SHA256_HEX],
                              int64_t *file_bytes)
{
    struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
    long long bytes = 0;
    shard_path(assembly, shard, ".sha256", &path);
    enum status status = file_read(path.bytes, 256, &text);
    if (status == STATUS_OK && (sscanf(text.bytes, "%64[0-9a-f] %lld", sha256, &bytes) != 2 ||
                                strlen(sha256) != SHA256_HEX - 1))
        status = failed("cannot use '%s': it is not what was written", path.bytes);
    *file_bytes = bytes;
    strbuf_release(&path);
    strbuf_release(&text);
    return status;
}

/* ---- segments ---- */

int64_t shard_segments(const struct shard_assembly *assembly, const struct layout_shard *shard)
{
    return segment_count(shard, token_bytes(assembly));
}

static enum status encode(struct shard_assembler *assembler, const struct layout_shard *shard,
                          int64_t segment)
{
    const struct shard_assembly *assembly = assembler->assembly;
    return segment_encode(assembly->layout, shard, segment, token_bytes(assembly),
                          assembler->encoder, &assembler->segment);
}

enum status shard_assembler_encode(struct shard_assembler *assembler,
                                   const struct layout_shard *shard, int64_t segment)
{
    struct strbuf path = STRBUF_INIT;
    segment_path(assembler->assembly, shard, segment, &path);
    enum status status = encode(assembler, shard, segment);
    if (status == STATUS_OK)
        status = segment_write(&assembler->segment, path.bytes);
    strbuf_release(&path);
    return status;
}

static enum status add_segment(struct shard_assembler *assembler, const struct layout_shard *shard,
                               int64_t segment, bool has_segments, struct shard_writer *writer)
{
    struct strbuf path = STRBUF_INIT;
    segment_path(assembler->assembly, shard, segment, &path);
    enum status status = has_segments ? segment_read(path.bytes, &assembler->segment)
                                      : encode(assembler, shard, segment);
    if (status == STATUS_OK)
        status = segment_add(&assembler->segment, shard, segment, token_bytes(assembler->assembly),
                             writer, path.bytes);
    strbuf_release(&path);
    return status;
}

static void remove_segments(const struct shard_assembly *assembly, const struct layout_shard *shard)
{
    struct strbuf path = STRBUF_INIT;
    for (int64_t i = 0; i < shard_segments(assembly, shard); i++) {
        segment_path(assembly, shard, i, &path);
        unlink(path.bytes); /* what stays goes with the folder */
    }
    strbuf_release(&path);
}

/* ---- documents ---- */

/* The documents of the shard that lie in this lot; *left: how many of the shard's are to come. */
static enum status add_documents_of(struct shard_assembler *assembler,
                                    const struct layout_shard *shard, int64_t number,
                                    struct shard_writer *writer, int64_t *left)
{
    const struct shard_layout *layout = assembler->assembly->layout;
    const struct lot_entry *entry = &layout->lots->lots[number];
    const struct lot *lot = &assembler->lot;
    TRY(lot_list_open(layout->lots, number, LOT_RECORDS | LOT_NAMES, 0, &assembler->lot));
    const char *name = lot->names;
    for (int64_t i = 0; i<lot->header.documents && * left> 0; i++) {
        const struct lot_record *record = &lot->records[i];
        const bool before = number == shard->first_lot && i < shard->first_document;
        if (!before && record->split == shard->split &&
            layout_keeps(layout, entry->first_ordinal + i)) {
            TRY(shard_writer_add_document(writer, record->tokens,
                                          &(struct document_origin){
                                              .source = (uint32_t)entry->input,
                                              .number = record->number,
                                              .name = name,
                                              .name_length = record->name_bytes,
                                          }));
            (*left)--;
        }
        name += record->name_bytes;
    }
    return STATUS_OK;
}

/* ---- the shard ---- */

static enum status add_content(struct shard_assembler *assembler, const struct layout_shard *shard,
                               bool has_segments, struct shard_writer *writer)
{
    int64_t left = shard->documents;
    for (int64_t i = 0; i < shard_segments(assembler->assembly, shard); i++)
        TRY(add_segment(assembler, shard, i, has_segments, writer));
    for (int64_t lot = shard->first_lot; left > 0; lot++)
        TRY(add_documents_of(assembler, shard, lot, writer, &left));
    return STATUS_OK;
}

static enum status write_shard(struct shard_assembler *assembler, const struct layout_shard *shard,
                               bool has_segments, const char *path)
{
    struct shard_identity identity = {
        .vocab_size = assembler->assembly->vocab_size,
        .split = shard->split,
    };
    memcpy(identity.tokenizer_digest, assembler->assembly->tokenizer_digest, SHA256_HEX);
    struct shard_writer *writer;
    if (unlink(path) != 0 && errno != ENOENT) /* what an earlier build left unfinished */
        return failed("cannot remove '%s': %s", path, strerror(errno));
    TRY(shard_writer_open(path, &identity, shard->name_bytes > 0, &writer));
    enum status status = add_content(assembler, shard, has_segments, writer);
    if (status == STATUS_OK)
        return shard_writer_close(writer);
    shard_writer_discard(writer);
    return status;
}

enum status shard_assembler_complete(struct shard_assembler *assembler,
                                     const struct layout_shard *shard, bool has_segments)
{
    struct strbuf path = STRBUF_INIT;
    shard_path(assembler->assembly, shard, "", &path);
    enum status status = write_shard(assembler, shard, has_segments, path.bytes);
    if (status == STATUS_OK)
        status = write_digest(assembler->assembly, shard, path.bytes);
    if (status == STATUS_OK && has_segments)
        remove_segments(assembler->assembly, shard);
    strbuf_release(&path);
    return status;
}
