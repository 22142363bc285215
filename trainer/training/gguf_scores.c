#include "trainer/training/gguf_scores.h"

#include <string.h>

#include "base/memory.h"
#include "base/printable.h"
#include "shards/tokenizer/name_merging.h"

/* What llama.cpp compares with parts of a text, whose blanks it has made marks of. Here marks are
 * blanks, and a name that has blanks in the file is part of no text. */
static bool name_in_text(const struct tokenizer *tokenizer, int32_t id, struct strbuf *name)
{
    strbuf_reset(name);
    if (tokenizer_token_kind(tokenizer, id) == TOKEN_TEXT) {
        size_t length;
        const char *bytes = tokenizer_token_bytes(tokenizer, id, &length);
        strbuf_add(name, bytes, length);
        return true;
    }
    tokenizer_token_name(tokenizer, id, name);
    return !memchr(name->bytes, ' ', name->length);
}

static enum status refuse(const struct tokenizer *tokenizer, int32_t id, const char *why)
{
    struct strbuf name = STRBUF_INIT;
    tokenizer_token_name(tokenizer, id, &name);
    enum status status =
        bad_input("cannot write the tokenizer to GGUF: token %d, '%s', %s", id, name.bytes, why);
    strbuf_release(&name);
    return status;
}

/* Sets the rank of the merge that makes the token; -1 where none does. */
static enum status find_merge(const struct tokenizer *tokenizer, int32_t id, struct strbuf *name,
                              int64_t *rank)
{
    const bool is_text = tokenizer_token_kind(tokenizer, id) == TOKEN_TEXT;
    *rank = -1;
    if (!name_in_text(tokenizer, id, name))
        return STATUS_OK;
    if (name->length > NAME_MERGING_MAX_BYTES)
        return bad_input("cannot write the tokenizer to GGUF: token %d has %zu bytes, more than "
                         "%zu",
                         id, name->length, NAME_MERGING_MAX_BYTES);
    struct name_merging merging = name_merging_of(tokenizer, name->bytes, name->length);
    if (merging.parts == 2)
        return refuse(tokenizer, id,
                      "is made by llama.cpp of two parts that have no merge to it here");
    if (is_text && tokenizer->whole_pieces && merging.parts > 1)
        return refuse(tokenizer, id,
                      "is not what its characters merge to, and llama.cpp does not take a text "
                      "that is a token whole (ignore_merges)");
    if (is_text && merging.parts == 1)
        *rank = merging.last_rank;
    return STATUS_OK;
}

enum status gguf_scores_of(const struct tokenizer *tokenizer, float *scores)
{
    const int64_t count = tokenizer->tokens.count, merges = tokenizer->merge_count;
    int64_t *rank = memory_alloc((size_t)count * sizeof *rank), made = 0;
    struct strbuf name = STRBUF_INIT;
    enum status status = STATUS_OK;
    for (int64_t id = 0; id < count && status == STATUS_OK; id++) {
        scores[id] = 0;
        status = find_merge(tokenizer, (int32_t)id, &name, &rank[id]);
    }
    /* Counted, not the ranks themselves: floats tell 2^24 integers apart, and so many tokens are
     * the most. */
    for (int64_t i = 0; i < merges && status == STATUS_OK; i++) {
        const int32_t result = tokenizer->merges[i].result;
        if (rank[result] == i)
            scores[result] = (float)-made++;
    }
    memory_free(rank);
    strbuf_release(&name);
    return status;
}
