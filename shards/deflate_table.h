/* deflate_table: the prefix codes of deflate (RFC 1951, section 3.2), as tables that the next bits
 * of the text look up.
 *
 * A code of at most `primary` bits fills every entry that ends in it; a longer one is found in a
 * second table that the entry of its first bits leads to:
 *
 *   bits 0..3    bits of the code that this look-up uses up
 *   bits 4..7    extra bits that follow the code; of a second table: bits that look it up
 *   bits 8..10   kind
 *   bits 16..31  value: the literal, the least length or distance, the second table's place
 */
#ifndef SHARDS_DEFLATE_TABLE_H
#define SHARDS_DEFLATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum deflate_kind { DEFLATE_LITERAL, DEFLATE_BASE, DEFLATE_END, DEFLATE_SECOND, DEFLATE_INVALID };

enum {
    DEFLATE_MAX_CODE = 15,
    DEFLATE_SYMBOLS = 288, /* most in one code */
    DEFLATE_LITERAL_BITS = 10,
    DEFLATE_DISTANCE_BITS = 8,
    DEFLATE_LENGTHS_BITS = 7,
    /* Second tables have 2^(15 - primary) entries; a prefix that leads to one has two codes. */
    DEFLATE_LITERAL_ENTRIES = (1 << DEFLATE_LITERAL_BITS) + DEFLATE_SYMBOLS / 2 * 32,
    DEFLATE_DISTANCE_ENTRIES = (1 << DEFLATE_DISTANCE_BITS) + 32 / 2 * 128,
    DEFLATE_LENGTHS_ENTRIES = 1 << DEFLATE_LENGTHS_BITS,
};

enum deflate_alphabet { DEFLATE_LITERALS, DEFLATE_DISTANCES, DEFLATE_CODE_LENGTHS };

static inline unsigned deflate_entry_bits(uint32_t entry)
{
    return entry & 15;
}

static inline unsigned deflate_entry_extra(uint32_t entry)
{
    return entry >> 4 & 15;
}

static inline enum deflate_kind deflate_entry_kind(uint32_t entry)
{
    return (enum deflate_kind)(entry >> 8 & 7);
}

static inline uint32_t deflate_entry_value(uint32_t entry)
{
    return entry >> 16;
}

/* lengths[i] bits, 0 to 15, for symbol i. False: they are no prefix code, or an incomplete one,
 * which is allowed with a single code of one bit alone (as zlib has it), or with none. */
bool deflate_table_build(enum deflate_alphabet alphabet, const uint8_t *lengths, int count,
                         uint32_t *table);

#endif
