/* id_table: numbers 64-bit keys from 0 in the order of their arrival.
 *
 * Keys are hashes already, so equal keys count as equal things. Open addressing
 * with linear probing; cleared at each begin, the memory is kept.
 */
#ifndef SHARDS_ID_TABLE_H
#define SHARDS_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint64_t key;
    uint32_t id; /* + 1; 0: the slot is free */
};

struct id_table {
    struct id_slot *slots; /* [1 << bits] in use, of `capacity` */
    size_t capacity;
    int bits;
    uint32_t count;
};

void id_table_init(struct id_table *table);
void id_table_release(struct id_table *table);

/* Empties the table, and makes room for `most_keys`: no more may be added. */
void id_table_begin(struct id_table *table, size_t most_keys);

/* The key's number: table->count before the call if it is new. */
static inline uint32_t id_table_add(struct id_table *table, uint64_t key)
{
    const uint64_t mask = ((uint64_t)1 << table->bits) - 1;
    uint64_t at = key >> (64 - table->bits);
    while (table->slots[at].id != 0) {
        if (table->slots[at].key == key)
            return table->slots[at].id - 1;
        at = (at + 1) & mask;
    }
    table->slots[at] = (struct id_slot){ key, ++table->count };
    return table->count - 1;
}

#endif
