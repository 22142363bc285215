#include "shards/tokenizer/piece_merger.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

#define SHORT_PIECE 96         /* bytes; up to here the search is the faster one */
#define NO_MERGE    UINT32_MAX /* -1 of the maps: beyond every rank */
#define NOWHERE     UINT32_MAX

/* Of a long part: what is merged at a time, and how many tokens before its end are left for the
 * next time, as what follows may have changed them. Both double where that was too little. */
#define WINDOW_BYTES 4096
#define BACK_TOKENS  16

/* One token of a long piece, in a list; merged into its left neighbour it has id -1. */
struct piece_node {
    int32_t id;
    uint32_t before, after;
};

struct piece_merger {
    const struct tokenizer *tokenizer;
    struct piece_node *nodes;
    size_t node_capacity;
    uint64_t *heap; /* rank << 32 | node: the least is the next merge */
    size_t heap_count, heap_capacity;
    struct token_buffer window, meeting;
};

struct piece_merger *piece_merger_create(const struct tokenizer *tokenizer)
{
    struct piece_merger *merger = memory_alloc_zeroed(1, sizeof *merger);
    merger->tokenizer = tokenizer;
    return merger;
}

void piece_merger_free(struct piece_merger *merger)
{
    if (!merger)
        return;
    memory_free(merger->nodes);
    memory_free(merger->heap);
    token_buffer_release(&merger->window);
    token_buffer_release(&merger->meeting);
    memory_free(merger);
}

static uint32_t rank_of(const struct tokenizer *tokenizer, int32_t left, int32_t right)
{
    return (uint32_t)pair_map_find(&tokenizer->merge_rank, left, right);
}

/* The first token of a piece before any merge, and its bytes: one byte, or SentencePiece's
 * character. A part of a character that an edge has cut off counts as bytes. */
static inline size_t first_token(const struct tokenizer *tokenizer, const char *piece, size_t left,
                                 int32_t *id)
{
    const unsigned char byte = (unsigned char)*piece;
    *id = tokenizer->byte_token[byte];
    if (byte < 0x80 || tokenizer->kind == TOKENIZER_BYTE_LEVEL)
        return 1;
    size_t bytes = utf8_character_length(piece, left);
    int64_t found = bytes > 0 ? byte_map_find(&tokenizer->tokens, piece, bytes) : -1;
    if (found < 0)
        return 1;
    *id = (int32_t)found;
    return bytes;
}

/* ---- short pieces ---- */

/* The tokens before any merge, and [i]: the rank of merging id[i] with id[i + 1]. */
static int begin_bytes(const struct tokenizer *tokenizer, const char *piece, int length,
                       int32_t *id, uint32_t *rank)
{
    const unsigned char *bytes = (const unsigned char *)piece;
    for (int i = 0; i < length; i++)
        id[i] = tokenizer->byte_token[bytes[i]];
    for (int i = 0; i + 1 < length; i++)
        rank[i] = (uint32_t)tokenizer->byte_pair_rank[bytes[i]][bytes[i + 1]];
    return length;
}

static int begin_characters(const struct tokenizer *tokenizer, const char *piece, int length,
                            int32_t *id, uint32_t *rank)
{
    int count = 0;
    for (int at = 0; at < length; count++)
        at += (int)first_token(tokenizer, piece + at, (size_t)(length - at), &id[count]);
    for (int i = 0; i + 1 < count; i++)
        rank[i] = rank_of(tokenizer, id[i], id[i + 1]);
    return count;
}

static void add_short(const struct tokenizer *tokenizer, const char *piece, int length,
                      struct token_buffer *out)
{
    uint32_t rank[SHORT_PIECE];
    token_buffer_reserve(out, length);
    int32_t *id = out->ids + out->count;
    length = tokenizer->kind == TOKENIZER_BYTE_LEVEL
                 ? begin_bytes(tokenizer, piece, length, id, rank)
                 : begin_characters(tokenizer, piece, length, id, rank);

    while (length > 1) {
        int best = 0;
        for (int i = 1; i + 1 < length; i++)
            best = rank[i] < rank[best] ? i : best;
        if (rank[best] == NO_MERGE)
            break;
        id[best] = tokenizer->merges[rank[best]].result;
        length--;
        for (int i = best + 1; i < length; i++) {
            id[i] = id[i + 1];
            rank[i - 1] = rank[i];
        }
        if (best > 0)
            rank[best - 1] = rank_of(tokenizer, id[best - 1], id[best]);
        if (best + 1 < length)
            rank[best] = rank_of(tokenizer, id[best], id[best + 1]);
    }
    out->count += length;
}

/* ---- long pieces ---- */

static void sift_down(uint64_t *heap, size_t count, size_t at)
{
    uint64_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (moved <= heap[child])
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void heap_push(struct piece_merger *merger, uint64_t entry)
{
    if (merger->heap_count == merger->heap_capacity) {
        merger->heap_capacity += merger->heap_capacity / 2 + 1024;
        merger->heap = memory_realloc(merger->heap, merger->heap_capacity * sizeof *merger->heap);
    }
    size_t at = merger->heap_count++;
    for (; at > 0 && merger->heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
        merger->heap[at] = merger->heap[(at - 1) / 2];
    merger->heap[at] = entry;
}

static uint64_t heap_pop(struct piece_merger *merger)
{
    uint64_t least = merger->heap[0];
    merger->heap[0] = merger->heap[--merger->heap_count];
    if (merger->heap_count > 0)
        sift_down(merger->heap, merger->heap_count, 0);
    return least;
}

static uint32_t rank_at(const struct piece_merger *merger, uint32_t node)
{
    uint32_t after = merger->nodes[node].after;
    if (merger->nodes[node].id < 0 || after == NOWHERE)
        return NO_MERGE;
    return rank_of(merger->tokenizer, merger->nodes[node].id, merger->nodes[after].id);
}

static void offer_pair(struct piece_merger *merger, uint32_t node)
{
    uint32_t rank = rank_at(merger, node);
    if (rank != NO_MERGE)
        heap_push(merger, (uint64_t)rank << 32 | node);
}

static void lay_out(struct piece_merger *merger, const char *piece, size_t length)
{
    if (length > merger->node_capacity) {
        memory_free(merger->nodes);
        merger->nodes = memory_alloc_zeroed(length, sizeof *merger->nodes);
        merger->node_capacity = length;
    }
    uint32_t count = 0;
    for (size_t at = 0; at < length; count++) {
        struct piece_node *node = &merger->nodes[count];
        *node = (struct piece_node){ .before = count > 0 ? count - 1 : NOWHERE };
        at += first_token(merger->tokenizer, piece + at, length - at, &node->id);
        node->after = at < length ? count + 1 : NOWHERE;
    }
    merger->heap_count = 0;
    for (uint32_t i = 0; i < count; i++)
        offer_pair(merger, i);
}

static void merge_at(struct piece_merger *merger, uint32_t left, int32_t result)
{
    struct piece_node *nodes = merger->nodes;
    uint32_t right = nodes[left].after;
    nodes[left].id = result;
    nodes[left].after = nodes[right].after;
    nodes[right].id = -1;
    if (nodes[left].after != NOWHERE)
        nodes[nodes[left].after].before = left;
    if (nodes[left].before != NOWHERE)
        offer_pair(merger, nodes[left].before);
    offer_pair(merger, left);
}

static void add_by_heap(struct piece_merger *merger, const char *piece, size_t length,
                        struct token_buffer *out)
{
    lay_out(merger, piece, length);
    while (merger->heap_count > 0) {
        uint64_t entry = heap_pop(merger);
        uint32_t node = (uint32_t)entry;
        uint32_t rank = (uint32_t)(entry >> 32);
        if (rank_at(merger, node) == rank) /* else one of the two has been merged meanwhile */
            merge_at(merger, node, merger->tokenizer->merges[rank].result);
    }
    for (uint32_t node = 0; node != NOWHERE; node = merger->nodes[node].after)
        token_buffer_add(out, merger->nodes[node].id);
}

static void add_whole(struct piece_merger *merger, const char *piece, size_t length,
                      struct token_buffer *out)
{
    if (length <= SHORT_PIECE)
        add_short(merger->tokenizer, piece, (int)length, out);
    else
        add_by_heap(merger, piece, length, out);
}

/* ---- windows ---- */

static size_t token_length(const struct piece_merger *merger, int32_t id)
{
    size_t length;
    byte_map_bytes(&merger->tokenizer->tokens, id, &length);
    return length;
}

/* The tokens that end and begin at `place` are what their bytes together merge to. */
static bool tokens_meet(struct piece_merger *merger, const char *place, int32_t left, int32_t right)
{
    size_t before = token_length(merger, left), after = token_length(merger, right);
    merger->meeting.count = 0;
    add_whole(merger, place - before, before + after, &merger->meeting);
    return merger->meeting.count == 2 && merger->meeting.ids[0] == left;
}

/* Takes `count` tokens off the end, but none before `first`; returns their bytes. */
static size_t take_back(struct piece_merger *merger, struct token_buffer *out, int64_t first,
                        int64_t count)
{
    size_t bytes = 0;
    for (; count > 0 && out->count > first; count--)
        bytes += token_length(merger, out->ids[--out->count]);
    return bytes;
}

/* A part of any length, window by window. `out` always holds what the part's beginning, alone,
 * merges to: where a window ends within a character, that is among the tokens left for the next.
 * Where its last token and the first one of a window meet, both can be joined: a merge across the
 * place would have been done among the bytes of these two tokens also. */
static void add_long(struct piece_merger *merger, const char *piece, size_t length,
                     struct token_buffer *out)
{
    const int64_t first = out->count;
    size_t begin = 0, bytes = WINDOW_BYTES;
    int64_t back = BACK_TOKENS;
    while (begin < length) {
        const bool last = length - begin <= bytes;
        struct token_buffer *window = &merger->window;
        window->count = 0;
        add_whole(merger, piece + begin, last ? length - begin : bytes, window);
        bool meets = out->count == first ||
                     tokens_meet(merger, piece + begin, out->ids[out->count - 1], window->ids[0]);
        if (!meets || (!last && window->count <= back)) {
            bytes *= 2;
            back *= meets ? 1 : 2;
            begin -= meets ? 0 : take_back(merger, out, first, back);
            continue;
        }
        begin = last ? length : begin + bytes - take_back(merger, window, 0, back);
        token_buffer_reserve(out, window->count);
        memcpy(out->ids + out->count, window->ids, (size_t)window->count * sizeof *window->ids);
        out->count += window->count;
    }
}

void piece_merger_add(struct piece_merger *merger, const char *piece, size_t length,
                      struct token_buffer *out)
{
    CHECK(length > 0 && length <= PIECE_MERGER_MAX_BYTES, "a piece of %zu bytes", length);
    while (length > SHORT_PIECE) {
        size_t part = tokenizer_part_length(merger->tokenizer, piece, length);
        if (part <= SHORT_PIECE)
            add_short(merger->tokenizer, piece, (int)part, out);
        else
            add_long(merger, piece, part, out);
        piece += part;
        length -= part;
    }
    if (length > 0)
        add_short(merger->tokenizer, piece, (int)length, out);
}
