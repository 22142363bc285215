#include "shards/tokenizer/piece_counter.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/memory.h"
#include "shards/tokenizer/text_splitter.h"

enum {
    PART_BITS = 6,  /* 1 << PART_BITS is PIECE_COUNTER_PARTS */
    FIRST_BITS = 8, /* of a far table's slots */
    NEAR_BITS = 15, /* 256 KiB of slots, and about as much of records: a second cache */
    NEAR_PIECES = 1 << 14,
    NEAR_BYTES = 1 << 20,
};

struct far_table {
    pthread_mutex_t lock;
    struct piece_table table;
};

struct near_table {
    struct text_splitter *splitter;
    struct piece_table table;
};

struct piece_counter {
    int threads;
    struct near_table *near; /* [threads] */
    struct far_table far[PIECE_COUNTER_PARTS];
};

struct piece_counter *piece_counter_create(int threads, enum splitting_rule rule)
{
    struct piece_counter *counter = memory_alloc_zeroed(1, sizeof *counter);
    counter->threads = threads;
    counter->near = memory_alloc_zeroed((size_t)threads, sizeof *counter->near);
    for (int thread = 0; thread < threads; thread++) {
        counter->near[thread].splitter = text_splitter_create(rule);
        piece_table_init(&counter->near[thread].table, NEAR_BITS, 0);
    }
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++) {
        pthread_mutex_init(&counter->far[part].lock, NULL);
        piece_table_init(&counter->far[part].table, FIRST_BITS, PART_BITS);
    }
    return counter;
}

void piece_counter_free(struct piece_counter *counter)
{
    if (!counter)
        return;
    for (int thread = 0; thread < counter->threads; thread++) {
        text_splitter_free(counter->near[thread].splitter);
        piece_table_release(&counter->near[thread].table);
    }
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++) {
        piece_table_release(&counter->far[part].table);
        pthread_mutex_destroy(&counter->far[part].lock);
    }
    memory_free(counter->near);
    memory_free(counter);
}

static void empty(struct piece_counter *counter, struct piece_table *near)
{
    struct far_table *far = NULL;
    for (size_t i = 0; i < (size_t)1 << near->bits; i++) {
        struct piece_slot slot = near->slots[i];
        if (!slot.record)
            continue;
        struct far_table *next = &counter->far[slot.hash >> (32 - PART_BITS)];
        if (next != far) {
            if (far)
                pthread_mutex_unlock(&far->lock);
            pthread_mutex_lock(&next->lock);
            far = next;
        }
        struct piece piece;
        piece_table_piece(near, slot.record - 1, &piece);
        piece_table_add(&far->table, slot.hash, piece.bytes, piece.length, piece.count);
    }
    if (far)
        pthread_mutex_unlock(&far->lock);
    piece_table_reset(near);
}

void piece_counter_add(struct piece_counter *counter, int thread, const char *text, size_t length,
                       size_t longest)
{
    struct near_table *near = &counter->near[thread];
    const char *piece;
    size_t left;
    text_splitter_begin(near->splitter, text, length);
    while (text_splitter_next(near->splitter, &piece, &left)) {
        while (left > 0) {
            size_t step = left < longest ? left : longest;
            piece_table_add(&near->table, piece_hash(piece, step), piece, step, 1);
            if (near->table.count == NEAR_PIECES || near->table.used > NEAR_BYTES)
                empty(counter, &near->table);
            piece += step;
            left -= step;
        }
    }
}

void piece_counter_gather(struct piece_counter *counter)
{
    for (int thread = 0; thread < counter->threads; thread++)
        empty(counter, &counter->near[thread].table);
}

struct piece_table *piece_counter_part(struct piece_counter *counter, int part)
{
    return &counter->far[part].table;
}

int64_t piece_counter_bytes(const struct piece_counter *counter)
{
    int64_t bytes = 0;
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++)
        bytes += piece_table_bytes(&counter->far[part].table);
    return bytes;
}

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A space between letters: by each rule it ends a word and begins the next. */
size_t piece_counter_cut(const char *text, size_t at, size_t length)
{
    for (at = at ? at : 1; at + 1 < length; at++)
        if (text[at] == ' ' && is_ascii_letter(text[at - 1]) && is_ascii_letter(text[at + 1]))
            return at;
    return length;
}
