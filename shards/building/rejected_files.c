#include "shards/building/rejected_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/build_rules.h"
#include "shards/building/lot_builder.h"
#include "shards/building/rejected_writer.h"

struct rejected_output {
    const struct shard_layout *layout;
    const struct tokenizer *tokenizer;
    struct rejected_writer *writer;
    int file;
    const char *path;
    int64_t bytes; /* written so far */
};

/* The text of a document from its tokens, of which the first is <|endoftext|>. */
static void decode(const struct rejected_output *output, const struct lot *lot,
                   const unsigned char *tokens, int64_t count, struct strbuf *text)
{
    const size_t token_bytes = (size_t)lot->header.token_bytes;
    strbuf_reset(text);
    for (int64_t i = 1; i < count; i++) {
        int32_t id = 0;
        for (size_t k = 0; k < token_bytes; k++)
            id |= (int32_t)((uint32_t)tokens[(size_t)i * token_bytes + k] << (8 * k));
        tokenizer_decode_token(output->tokenizer, id, i == 1, text);
    }
}

static enum status add_duplicates(struct rejected_output *output, int64_t number)
{
    const struct duplicates *duplicates = output->layout->duplicates;
    const int64_t first_ordinal = output->layout->lots->lots[number].first_ordinal;
    struct document document;
    struct lot lot = { 0 };
    enum status status = STATUS_OK;
    TRY(lot_list_open(output->layout->lots, number, LOT_RECORDS | LOT_NAMES | LOT_TOKENS, 0, &lot));
    document_init(&document);
    const char *name = lot.names;
    const unsigned char *tokens = lot.tokens;
    for (int64_t i = 0; i < lot.header.documents && status == STATUS_OK; i++) {
        const struct lot_record *record = &lot.records[i];
        if (!layout_keeps(output->layout, first_ordinal + i)) {
            bool is_exact = bit_is_set(duplicates->exact, first_ordinal + i);
            decode(output, &lot, tokens, record->tokens, &document.text);
            strbuf_reset(&document.name);
            strbuf_add(&document.name, name, record->name_bytes);
            document.number = record->number;
            status = rejected_writer_add(output->writer, &document,
                                         build_rule_name(is_exact ? build_rule_exact_duplicate()
                                                                  : build_rule_near_duplicate()));
        }
        name += record->name_bytes;
        tokens += (int64_t)record->tokens * lot.header.token_bytes;
    }
    document_release(&document);
    lot_release(&lot);
    return status;
}

static enum status add_lot(struct rejected_output *output, int64_t number)
{
    const struct lot_list *lots = output->layout->lots;
    const struct lot_entry *entry = &lots->lots[number];
    struct strbuf path = STRBUF_INIT, member = STRBUF_INIT;
    lot_rejected_path(lots->folder, &lots->inputs[entry->input], entry->lot, &path);
    enum status status = file_read(path.bytes, (size_t)1 << 34, &member);
    if (status == STATUS_OK)
        status = file_write_all(output->file, member.bytes, member.length, output->path);
    strbuf_release(&path);
    strbuf_release(&member);
    TRY(status);
    TRY(add_duplicates(output, number));
    return rejected_writer_append(output->writer, output->file, output->path);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The lots [begin, end) are the input's. */
static enum status write_input(struct rejected_output *output, int64_t begin, int64_t end)
{
    output->file = open(output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->file < 0)
        return failed("cannot create '%s': %s", output->path, strerror(errno));
    enum status status = STATUS_OK;
    for (int64_t i = begin; i < end && status == STATUS_OK; i++)
        status = add_lot(output, i);
    const off_t bytes = lseek(output->file, 0, SEEK_END);
    if (status == STATUS_OK && fsync(output->file) != 0)
        status = failed("cannot sync '%s': %s", output->path, strerror(errno));
    close(output->file);
    if (status == STATUS_OK && bytes == 0)
        unlink(output->path);
    return status;
}

static enum status write_own_inputs(struct rejected_output *output, const char *const *inputs,
                                    const char *folder, const struct build_team *team)
{
    const struct lot_list *lots = output->layout->lots;
    struct strbuf path = STRBUF_INIT;
    enum status status = STATUS_OK;
    for (int64_t begin = 0, end; begin < lots->count && status == STATUS_OK; begin = end) {
        const int64_t input = lots->lots[begin].input;
        for (end = begin; end < lots->count && lots->lots[end].input == input;)
            end++;
        if (input % team->size != team->rank)
            continue;
        strbuf_reset(&path);
        strbuf_addf(&path, "%s/%05lld-%.200s.jsonl.gz", folder, (long long)input,
                    name_of(inputs[input]));
        output->path = path.bytes;
        status = write_input(output, begin, end);
    }
    strbuf_release(&path);
    return status;
}

enum status rejected_files_write(const struct shard_layout *layout, const char *const *inputs,
                                 const struct tokenizer *tokenizer, const char *folder,
                                 const struct build_team *team)
{
    struct rejected_output output = {
        .layout = layout,
        .tokenizer = tokenizer,
        .writer = rejected_writer_create(),
    };
    char *path = path_join(folder, REJECTED_FOLDER);
    enum status status = folder_create(path);
    if (status == STATUS_OK)
        status = write_own_inputs(&output, inputs, path, team);
    rejected_writer_free(output.writer);
    memory_free(path);
    return team_agree(team, status);
}
