#include "shards/reading/sample_documents.h"

#include "base/memory.h"
#include "shards/reading/shard_set.h"

/* The document that token `place` belongs to. */
static enum status document_at(struct shard_reader *reader, int64_t place,
                               struct chunk_scratch *scratch, int64_t *document)
{
    TRY(shard_reader_find_document(reader, place + 1, scratch, document));
    if (*document == 0)
        return bad_input("token %lld belongs to no document", (long long)place);
    (*document)--;
    return STATUS_OK;
}

static enum status read_document(struct shard_reader *reader,
                                 const struct corpus_manifest *manifest,
                                 struct chunk_scratch *scratch, struct sample_document *out)
{
    uint64_t offsets[2], source;
    TRY(shard_reader_read_offsets(reader, out->document, 2, scratch, offsets));
    TRY(shard_reader_read_sources(reader, out->document, 1, scratch, &source));
    if (source >= (uint64_t)manifest->input_count)
        return bad_input("document %lld comes from input %llu of %lld", (long long)out->document,
                         (unsigned long long)source, (long long)manifest->input_count);
    out->first_token = (int64_t)offsets[0];
    out->end_token = (int64_t)offsets[1];
    out->input = &manifest->inputs[source];
    return shard_reader_read_label(reader, out->document, scratch, &out->label);
}

static enum status read_all(struct shard_reader *reader, const struct corpus_manifest *manifest,
                            struct chunk_scratch *scratch, struct sample_documents *out)
{
    int64_t first, last;
    TRY(document_at(reader, out->first_token, scratch, &first));
    TRY(document_at(reader, out->end_token - 1, scratch, &last));
    if (last < first || last - first >= out->end_token - out->first_token)
        return bad_input("its documents' offsets do not ascend");
    out->items = memory_alloc_zeroed((size_t)(last - first + 1), sizeof *out->items);
    for (int64_t document = first; document <= last; document++) {
        struct sample_document *item = &out->items[out->count++];
        item->document = document;
        strbuf_init(&item->label.name);
        TRY(read_document(reader, manifest, scratch, item));
    }
    return STATUS_OK;
}

enum status sample_documents_read(struct corpus *corpus, int64_t sample,
                                  struct sample_documents *out)
{
    struct shard_set *set = corpus_shards(corpus);
    const int64_t shard = shard_set_find(set, sample), seq_len = corpus_seq_len(corpus);
    struct chunk_scratch scratch = { 0 };
    struct shard_reader *reader;
    *out = (struct sample_documents){ 0 };
    out->shard = &set->manifest->shards[set->shards[shard].listed];
    out->first_token = (sample - set->shards[shard].first_sample) * seq_len;
    out->end_token = out->first_token + seq_len + 1;
    TRY(shard_set_use(set, shard, &reader));
    enum status status = read_all(reader, set->manifest, &scratch, out);
    chunk_scratch_release(&scratch);
    if (status != STATUS_OK)
        sample_documents_release(out);
    return status;
}

void sample_documents_release(struct sample_documents *documents)
{
    for (int64_t i = 0; i < documents->count; i++)
        strbuf_release(&documents->items[i].label.name);
    memory_free(documents->items);
    *documents = (struct sample_documents){ 0 };
}
