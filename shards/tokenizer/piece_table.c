#include "shards/tokenizer/piece_table.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

struct record {
    uint32_t count_low;
    uint16_t count_high, length; /* the count has 48 bits */
};

#define MAX_COUNT (((int64_t)1 << 48) - 1)

void piece_table_init(struct piece_table *table, int bits, int skipped)
{
    *table = (struct piece_table){ .bits = bits, .skipped = skipped };
    table->slots = memory_alloc_zeroed((size_t)1 << bits, sizeof *table->slots);
}

void piece_table_release(struct piece_table *table)
{
    memory_free(table->records);
    memory_free(table->slots);
    *table = (struct piece_table){ 0 };
}

void piece_table_reset(struct piece_table *table)
{
    memset(table->slots, 0, sizeof *table->slots << table->bits);
    table->used = 0;
    table->count = 0;
}

static uint64_t load(const char *bytes, size_t length)
{
    uint64_t word = 0;
    memcpy(&word, bytes, length);
    return word;
}

/* The first eight bytes or fewer as one number; overlapping loads instead of a loop. */
static uint64_t load_short(const char *bytes, size_t length)
{
    if (length >= 4)
        return load(bytes, 4) | load(bytes + length - 4, 4) << 32;
    return load(bytes, 1) | load(bytes + length / 2, 1) << 8 | load(bytes + length - 1, 1) << 16;
}

uint32_t piece_hash(const char *bytes, size_t length)
{
    uint64_t hash = length * 0x9e3779b97f4a7c15u;
    if (length <= 8) {
        hash ^= load_short(bytes, length);
    } else {
        for (size_t at = 0; at + 8 < length; at += 8) {
            hash = (hash ^ load(bytes + at, 8)) * 0xbf58476d1ce4e5b9u;
            hash ^= hash >> 31;
        }
        hash ^= load(bytes + length - 8, 8);
    }
    hash *= 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 32) * 0x94d049bb133111ebu;
    return (uint32_t)(hash >> 32);
}

static uint32_t home(const struct piece_table *table, uint32_t hash)
{
    return (uint32_t)(hash << table->skipped) >> (32 - table->bits);
}

static void grow_slots(struct piece_table *table)
{
    struct piece_slot *old = table->slots;
    size_t old_slots = (size_t)1 << table->bits;
    CHECK(++table->bits + table->skipped <= 32, "more than %lld distinct pieces",
          (long long)table->count);
    table->slots = memory_alloc_zeroed((size_t)1 << table->bits, sizeof *table->slots);
    uint32_t mask = (uint32_t)(((uint64_t)1 << table->bits) - 1);
    for (size_t i = 0; i < old_slots; i++) {
        if (!old[i].record)
            continue;
        uint32_t at = home(table, old[i].hash);
        while (table->slots[at].record)
            at = (at + 1) & mask;
        table->slots[at] = old[i];
    }
    memory_free(old);
}

static uint32_t new_record(struct piece_table *table, const char *bytes, size_t length)
{
    CHECK(length > 0 && length <= PIECE_TABLE_MAX_LENGTH, "a piece of %zu bytes", length);
    size_t needed = table->used + sizeof(struct record) + length;
    CHECK(needed < UINT32_MAX, "distinct pieces of more than %zu bytes in one part", table->used);
    if (needed > table->capacity) {
        table->capacity = needed + needed / 4 + 4096;
        table->records = memory_realloc(table->records, table->capacity);
    }
    struct record record = { .length = (uint16_t)length };
    uint32_t place = (uint32_t)table->used;
    memcpy(table->records + place, &record, sizeof record);
    memcpy(table->records + place + sizeof record, bytes, length);
    table->used = needed;
    table->count++;
    return place;
}

static void add_count(struct piece_table *table, uint32_t place, int64_t count)
{
    struct record record;
    memcpy(&record, table->records + place, sizeof record);
    int64_t sum = ((int64_t)record.count_high << 32 | record.count_low) + count;
    CHECK(sum <= MAX_COUNT, "a piece occurs more than %lld times", (long long)MAX_COUNT);
    record.count_low = (uint32_t)sum;
    record.count_high = (uint16_t)(sum >> 32);
    memcpy(table->records + place, &record, sizeof record);
}

static bool is_record(const struct piece_table *table, uint32_t place, const char *bytes,
                      size_t length)
{
    struct record record;
    const unsigned char *at = table->records + place;
    memcpy(&record, at, sizeof record);
    return record.length == length && memcmp(at + sizeof record, bytes, length) == 0;
}

void piece_table_add(struct piece_table *table, uint32_t hash, const char *bytes, size_t length,
                     int64_t count)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << table->bits) - 1), at = home(table, hash);
    for (; table->slots[at].record; at = (at + 1) & mask) {
        struct piece_slot slot = table->slots[at];
        if (slot.hash == hash && is_record(table, slot.record - 1, bytes, length)) {
            add_count(table, slot.record - 1, count);
            return;
        }
    }
    uint32_t place = new_record(table, bytes, length);
    add_count(table, place, count);
    table->slots[at] = (struct piece_slot){ hash, place + 1 };
    if ((uint64_t)table->count > ((uint64_t)5 << table->bits) / 8)
        grow_slots(table);
}

size_t piece_table_piece(const struct piece_table *table, size_t place, struct piece *piece)
{
    struct record record;
    memcpy(&record, table->records + place, sizeof record);
    piece->bytes = (const char *)table->records + place + sizeof record;
    piece->length = record.length;
    piece->count = (int64_t)record.count_high << 32 | record.count_low;
    return place + sizeof record + record.length;
}

int64_t piece_table_bytes(const struct piece_table *table)
{
    return (int64_t)(table->capacity + (sizeof *table->slots << table->bits));
}
