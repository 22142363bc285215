/* piece_table: distinct byte strings and how often each occurs.
 *
 *   records   | count, length | bytes | count, length | bytes | ...   one growing block
 *   slots     { hash, the record's place + 1 } in the order of hashes; 0: free
 *
 * A string's slot is told by the bits of its 32-bit hash after the first
 * `skipped`, so a set of tables that took the strings by those first bits is a
 * larger table cut in pieces. Open addressing, linear probing.
 */
#ifndef SHARDS_PIECE_TABLE_H
#define SHARDS_PIECE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define PIECE_TABLE_MAX_LENGTH ((size_t)UINT16_MAX)

struct piece_slot {
    uint32_t hash, record;
};

struct piece_table {
    unsigned char *records;
    size_t used, capacity;    /* bytes of records */
    struct piece_slot *slots; /* [1 << bits] */
    int bits, skipped;
    int64_t count;
};

struct piece {
    const char *bytes;
    size_t length;
    int64_t count;
};

void piece_table_init(struct piece_table *table, int bits, int skipped);
void piece_table_release(struct piece_table *table);
void piece_table_reset(struct piece_table *table); /* empty again, memory kept */

uint32_t piece_hash(const char *bytes, size_t length);
/* Adds `count` to that of a string of 1 to PIECE_TABLE_MAX_LENGTH bytes. */
void piece_table_add(struct piece_table *table, uint32_t hash, const char *bytes, size_t length,
                     int64_t count);

/* The string whose record begins at `place`; returns where the next one does. From 0 to `used`. */
size_t piece_table_piece(const struct piece_table *table, size_t place, struct piece *piece);
int64_t piece_table_bytes(const struct piece_table *table); /* of memory */

#endif
