#include "shards/tokenizer/name_merging.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

static int64_t read_characters(const struct tokenizer *tokenizer, const char *bytes, size_t length,
                               int32_t *ids)
{
    int64_t count = 0;
    for (size_t at = 0, step; at < length; at += step) {
        step = utf8_character_length(bytes + at, length - at);
        CHECK(step > 0, "a token's name is no UTF-8 at byte %zu", at);
        ids[count++] = (int32_t)byte_map_find(&tokenizer->tokens, bytes + at, step); /* or -1 */
    }
    return count;
}

static bool begins_with_blank(const struct tokenizer *tokenizer, int32_t id)
{
    size_t length;
    return id >= 0 && *byte_map_bytes(&tokenizer->tokens, id, &length) == ' ';
}

/* Where the next merge is, and its rank; -1 where none is left. */
static int64_t find_next(const struct tokenizer *tokenizer, const int32_t *ids, int64_t count,
                         int32_t *rank)
{
    int64_t next = -1;
    for (int64_t i = 0; i + 1 < count; i++) {
        int32_t found = pair_map_find(&tokenizer->merge_rank, ids[i], ids[i + 1]);
        if (found < 0 || (next >= 0 && found >= *rank) ||
            (tokenizer->marking.splits && begins_with_blank(tokenizer, ids[i + 1])))
            continue;
        next = i;
        *rank = found;
    }
    return next;
}

struct name_merging name_merging_of(const struct tokenizer *tokenizer, const char *bytes,
                                    size_t length)
{
    CHECK(length <= NAME_MERGING_MAX_BYTES, "a token's name has %zu bytes", length);
    struct name_merging merging = { .last_rank = -1 };
    int32_t *ids = memory_alloc(length * sizeof *ids), rank = 0;
    merging.parts = read_characters(tokenizer, bytes, length, ids);
    for (int64_t at; (at = find_next(tokenizer, ids, merging.parts, &rank)) >= 0;) {
        merging.last_rank = rank;
        ids[at] = tokenizer->merges[rank].result;
        merging.parts--;
        memmove(&ids[at + 1], &ids[at + 2], (size_t)(merging.parts - at - 1) * sizeof *ids);
    }
    memory_free(ids);
    return merging;
}
