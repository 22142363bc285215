#include "shards/deflate_table.h"

#define ENTRY(kind, extra, value)                                                                  \
    ((uint32_t)(value) << 16 | (uint32_t)(kind) << 8 | (uint32_t)(extra) << 4)

static const int primary_bits[] = {
    [DEFLATE_LITERALS] = DEFLATE_LITERAL_BITS,
    [DEFLATE_DISTANCES] = DEFLATE_DISTANCE_BITS,
    [DEFLATE_CODE_LENGTHS] = DEFLATE_LENGTHS_BITS,
};

/* RFC 1951, section 3.2.5: lengths are in groups of four for each number of extra bits, after the
 * first eight; distances in pairs. */
static uint32_t literal_symbol(int symbol)
{
    if (symbol < 256)
        return ENTRY(DEFLATE_LITERAL, 0, symbol);
    if (symbol == 256)
        return ENTRY(DEFLATE_END, 0, 0);
    int place = symbol - 257;
    if (place < 8)
        return ENTRY(DEFLATE_BASE, 0, 3 + place);
    if (place < 28) {
        int extra = place / 4 - 1;
        return ENTRY(DEFLATE_BASE, extra, 3 + ((4 + place % 4) << extra));
    }
    return place == 28 ? ENTRY(DEFLATE_BASE, 0, 258) : ENTRY(DEFLATE_INVALID, 0, 0);
}

static uint32_t distance_symbol(int symbol)
{
    if (symbol < 2)
        return ENTRY(DEFLATE_BASE, 0, 1 + symbol);
    int extra = symbol / 2 - 1;
    return symbol < 30 ? ENTRY(DEFLATE_BASE, extra, 1 + ((2 + symbol % 2) << extra))
                       : ENTRY(DEFLATE_INVALID, 0, 0);
}

static uint32_t symbol_entry(enum deflate_alphabet alphabet, int symbol)
{
    switch (alphabet) {
    case DEFLATE_LITERALS:
        return literal_symbol(symbol);
    case DEFLATE_DISTANCES:
        return distance_symbol(symbol);
    default:
        return ENTRY(DEFLATE_LITERAL, 0, symbol);
    }
}

/* The symbols that have codes, the shorter codes first. Returns how many there are. */
static int sort_symbols(const uint8_t *lengths, int count, const int *counts, uint16_t *sorted)
{
    int places[DEFLATE_MAX_CODE + 2] = { 0 };
    for (int bits = 1; bits <= DEFLATE_MAX_CODE; bits++)
        places[bits + 1] = places[bits] + counts[bits];
    int used = places[DEFLATE_MAX_CODE + 1];
    for (int i = 0; i < count; i++)
        if (lengths[i] > 0)
            sorted[places[lengths[i]]++] = (uint16_t)i;
    return used;
}

/* Codes come with their first bit lowest, so counting carries from the highest bit down. */
static uint32_t next_code(uint32_t code, int bits)
{
    uint32_t carry = UINT32_C(1) << (bits - 1);
    while (code & carry)
        carry >>= 1;
    return carry ? (code & (carry - 1)) | carry : 0;
}

static void fill(uint32_t *table, uint32_t begin, uint32_t step, uint32_t size, uint32_t entry)
{
    for (uint32_t i = begin; i < size; i += step)
        table[i] = entry;
}

/* Codes that are left free: below zero, the lengths ask for more than there are. */
static int free_codes(const int *counts)
{
    int left = 1;
    for (int bits = 1; bits <= DEFLATE_MAX_CODE && left >= 0; bits++)
        left = 2 * left - counts[bits];
    return left;
}

bool deflate_table_build(enum deflate_alphabet alphabet, const uint8_t *lengths, int count,
                         uint32_t *table)
{
    const int primary = primary_bits[alphabet];
    const uint32_t size = UINT32_C(1) << primary, invalid = ENTRY(DEFLATE_INVALID, 0, 0);
    uint16_t sorted[DEFLATE_SYMBOLS];
    int counts[DEFLATE_MAX_CODE + 1] = { 0 };
    for (int i = 0; i < count; i++)
        counts[lengths[i]]++;
    int used = sort_symbols(lengths, count, counts, sorted), left = free_codes(counts);
    int longest = used > 0 ? lengths[sorted[used - 1]] : 0;
    if (left < 0 || (left > 0 && longest > 1) || (left > 0 && alphabet == DEFLATE_CODE_LENGTHS))
        return false;
    if (left > 0)
        fill(table, 0, 1, size, invalid);

    uint32_t code = 0, second = 0, next_second = size, prefix = UINT32_MAX;
    int second_bits = longest - primary;
    for (int i = 0; i < used; i++) {
        int bits = lengths[sorted[i]];
        uint32_t entry = symbol_entry(alphabet, sorted[i]);
        if (bits <= primary) {
            fill(table, code, UINT32_C(1) << bits, size, entry | (uint32_t)bits);
        } else {
            if ((code & (size - 1)) != prefix) {
                prefix = code & (size - 1);
                second = next_second;
                next_second += UINT32_C(1) << second_bits;
                table[prefix] = ENTRY(DEFLATE_SECOND, second_bits, second) | (uint32_t)primary;
            }
            fill(table + second, code >> primary, UINT32_C(1) << (bits - primary),
                 UINT32_C(1) << second_bits, entry | (uint32_t)(bits - primary));
        }
        code = next_code(code, bits);
    }
    return true;
}
