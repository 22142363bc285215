#include "shards/format/huffman_deflate.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* RFC 1951, 3.2.5 to 3.2.7 */
enum {
    LITERALS = 256,
    END_OF_BLOCK = 256,
    SYMBOLS = 257,
    LONGEST_CODE = 14,   /* of 15: four and what waits for its byte fit 64 bits */
    LENGTH_SYMBOLS = 19, /* the alphabet that code lengths are written in */
    LONGEST_LENGTH_CODE = 7,
    ZEROS_3 = 17, /* 3 to 10 zeros, and 3 bits that say how many */
    ZEROS_11 = 18 /* 11 to 138 zeros, and 7 bits */
};

struct huffman_code {
    uint8_t length[SYMBOLS];
    uint16_t bits[SYMBOLS]; /* in the order of the stream: the first bit lowest */
};

/* ---- bits ---- */

struct bit_writer {
    unsigned char *out;
    uint64_t held; /* `count` < 8 bits after a flush */
    unsigned count;
};

static void flush_bits(struct bit_writer *writer)
{
    for (; writer->count >= 8; writer->count -= 8, writer->held >>= 8)
        *writer->out++ = (unsigned char)writer->held;
}

static void put_bits(struct bit_writer *writer, uint64_t bits, unsigned count)
{
    writer->held |= bits << writer->count;
    writer->count += count;
    flush_bits(writer);
}

static void end_byte(struct bit_writer *writer)
{
    writer->count = (writer->count + 7) / 8 * 8;
    flush_bits(writer);
}

/* ---- codes ---- */

struct weighted_symbol {
    uint32_t weight;
    uint16_t symbol;
};

/* Radix sort, stable: equal weights keep the order of their symbols. */
static void sort_by_weight(struct weighted_symbol *leaves, int count)
{
    struct weighted_symbol other[SYMBOLS];
    uint32_t heaviest = 0;
    for (int i = 0; i < count; i++)
        heaviest |= leaves[i].weight;
    for (int shift = 0; shift < 32 && heaviest >> shift; shift += 8) {
        int place[257] = { 0 };
        for (int i = 0; i < count; i++)
            place[(leaves[i].weight >> shift & 255) + 1]++;
        for (int digit = 0; digit < 255; digit++)
            place[digit + 1] += place[digit];
        for (int i = 0; i < count; i++)
            other[place[leaves[i].weight >> shift & 255]++] = leaves[i];
        memcpy(leaves, other, (size_t)count * sizeof *leaves);
    }
}

/* Lengths of an optimal code by merging the two lightest, leaves and sums each in a queue (van
 * Leeuwen, "On the construction of Huffman trees", 1976). Returns the longest. */
static int merge_lightest(const struct weighted_symbol *leaves, int count, uint8_t *length)
{
    uint32_t sum[SYMBOLS];
    uint16_t parent[2 * SYMBOLS], depth[2 * SYMBOLS]; /* nodes: leaves, then sums */
    int next_leaf = 0, next_sum = 0, longest = 0;
    for (int made = 0; made < count - 1; made++) {
        sum[made] = 0;
        for (int child = 0; child < 2; child++) {
            bool takes_leaf = next_leaf < count &&
                              (next_sum == made || leaves[next_leaf].weight <= sum[next_sum]);
            sum[made] += takes_leaf ? leaves[next_leaf].weight : sum[next_sum];
            parent[takes_leaf ? next_leaf++ : count + next_sum++] = (uint16_t)(count + made);
        }
    }
    depth[2 * count - 2] = 0;
    for (int node = 2 * count - 3; node >= 0; node--) {
        depth[node] = depth[parent[node]] + 1;
        if (node < count)
            length[leaves[node].symbol] = (uint8_t)depth[node];
        if (node < count && depth[node] > longest)
            longest = depth[node];
    }
    return longest;
}

/* Where a code is too long, weights are halved until none is: they become more alike. */
static void find_lengths(const uint32_t *counts, int symbols, int longest, uint8_t *length)
{
    struct weighted_symbol leaves[SYMBOLS];
    int count = 0;
    memset(length, 0, (size_t)symbols);
    for (int symbol = 0; symbol < symbols; symbol++)
        if (counts[symbol] > 0)
            leaves[count++] = (struct weighted_symbol){ counts[symbol], (uint16_t)symbol };
    if (count == 1) { /* a code has a bit at least */
        length[leaves[0].symbol] = 1;
        return;
    }
    sort_by_weight(leaves, count);
    while (merge_lightest(leaves, count, length) > longest)
        for (int i = 0; i < count; i++)
            leaves[i].weight = leaves[i].weight / 2 + 1;
}

/* The lowest `length` bits of `code`, the last one first. */
static uint16_t reversed(uint32_t code, int length)
{
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
    code = (code & 0x00ff) << 8 | (code >> 8 & 0x00ff);
    return (uint16_t)(code >> (16 - length));
}

/* RFC 1951, 3.2.2: codes of a length count upwards in the order of the symbols. */
static void assign_bits(const uint8_t *length, int symbols, uint16_t *bits)
{
    uint32_t next[LONGEST_CODE + 2] = { 0 }, of_length[LONGEST_CODE + 1] = { 0 };
    for (int symbol = 0; symbol < symbols; symbol++)
        of_length[length[symbol]]++;
    of_length[0] = 0;
    for (int l = 1; l <= LONGEST_CODE; l++)
        next[l + 1] = (next[l] + of_length[l]) << 1;
    for (int symbol = 0; symbol < symbols; symbol++)
        bits[symbol] = reversed(next[length[symbol]]++, length[symbol]);
}

/* ---- a block's head ---- */

struct length_run {
    uint8_t symbol, extra, extra_bits;
};

/* The code's lengths, zeros in runs, and behind them that of the one distance code, which nothing
 * uses. */
static int list_runs(const struct huffman_code *code, struct length_run *runs)
{
    int count = 0;
    for (int symbol = 0; symbol < SYMBOLS;) {
        int zeros = 0;
        while (symbol + zeros < SYMBOLS && code->length[symbol + zeros] == 0 && zeros < 138)
            zeros++;
        if (zeros >= 11)
            runs[count++] = (struct length_run){ ZEROS_11, (uint8_t)(zeros - 11), 7 };
        else if (zeros >= 3)
            runs[count++] = (struct length_run){ ZEROS_3, (uint8_t)(zeros - 3), 3 };
        else
            runs[count++] = (struct length_run){ code->length[symbol], 0, 0 };
        symbol += zeros >= 3 ? zeros : 1;
    }
    runs[count++] = (struct length_run){ 1, 0, 0 };
    return count;
}

static void put_head(struct bit_writer *writer, const struct huffman_code *code, bool is_last)
{
    static const uint8_t order[LENGTH_SYMBOLS] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15 };
    struct length_run runs[SYMBOLS + 1];
    uint32_t counts[LENGTH_SYMBOLS] = { 0 };
    uint8_t length[LENGTH_SYMBOLS];
    uint16_t bits[LENGTH_SYMBOLS];
    const int run_count = list_runs(code, runs);
    for (int i = 0; i < run_count; i++)
        counts[runs[i].symbol]++;
    find_lengths(counts, LENGTH_SYMBOLS, LONGEST_LENGTH_CODE, length);
    assign_bits(length, LENGTH_SYMBOLS, bits);

    put_bits(writer, is_last, 1);
    put_bits(writer, 2, 2);                  /* dynamic codes */
    put_bits(writer, 0, 5);                  /* 257 codes of literals */
    put_bits(writer, 0, 5);                  /* 1 of distances */
    put_bits(writer, LENGTH_SYMBOLS - 4, 4); /* all lengths of lengths */
    for (int i = 0; i < LENGTH_SYMBOLS; i++)
        put_bits(writer, length[order[i]], 3);
    for (int i = 0; i < run_count; i++) {
        put_bits(writer, bits[runs[i].symbol], length[runs[i].symbol]);
        put_bits(writer, runs[i].extra, runs[i].extra_bits);
    }
}

/* ---- blocks ---- */

/* Several tables, so that equal neighbours do not wait for each other's sums. */
static void count_literals(const unsigned char *bytes, size_t length, uint32_t counts[SYMBOLS])
{
    enum { TABLES = 4 };
    uint32_t table[TABLES][LITERALS];
    memset(table, 0, sizeof table);
    size_t at = 0;
    for (; length - at >= TABLES; at += TABLES)
        for (size_t k = 0; k < TABLES; k++)
            table[k][bytes[at + k]]++;
    for (; at < length; at++)
        table[0][bytes[at]]++;
    memcpy(counts, table[0], sizeof table[0]);
    for (int k = 1; k < TABLES; k++)
        for (int i = 0; i < LITERALS; i++)
            counts[i] += table[k][i];
    counts[END_OF_BLOCK] = 1;
}

/* Of the block, head not counted. */
static size_t bits_of(const struct huffman_code *code, const uint32_t counts[SYMBOLS])
{
    size_t bits = 0;
    for (int symbol = 0; symbol < SYMBOLS; symbol++)
        bits += (size_t)counts[symbol] * code->length[symbol];
    return bits;
}

/* Codes one after the other, the first lowest: bits << 6 | how many they are, below 64. */
static inline uint64_t join_codes(uint64_t first, uint64_t second)
{
    uint64_t bits = first >> 6 | (second >> 6) << (first & 63);
    return bits << 6 | ((first + second) & 63);
}

static void put_literals(struct bit_writer *writer, const struct huffman_code *code,
                         const unsigned char *bytes, size_t length)
{
    uint64_t entry[LITERALS]; /* as join_codes has them */
    for (int i = 0; i < LITERALS; i++)
        entry[i] = (uint64_t)code->bits[i] << 6 | code->length[i];
    struct bit_writer at = *writer; /* in registers */
    const unsigned char *const end = bytes + length;
    for (; end - bytes >= 4; bytes += 4) {
        uint64_t first = join_codes(entry[bytes[0]], entry[bytes[1]]);
        uint64_t second = join_codes(entry[bytes[2]], entry[bytes[3]]);
        uint64_t bits = first >> 6 | (second >> 6) << (first & 63);
        at.held |= bits << at.count;
        at.count += (unsigned)((first + second) & 63);
        for (int k = 0; k < 8; k++)
            at.out[k] = (unsigned char)(at.held >> (8 * k));
        at.out += at.count / 8;
        at.held >>= at.count & 56;
        at.count &= 7;
    }
    *writer = at;
    for (; bytes < end; bytes++)
        put_bits(writer, code->bits[*bytes], code->length[*bytes]);
    put_bits(writer, code->bits[END_OF_BLOCK], code->length[END_OF_BLOCK]);
}

static void put_stored(struct bit_writer *writer, const unsigned char *bytes, size_t length,
                       bool is_last)
{
    const size_t most = 65535;
    while (length > 0) {
        size_t piece = length < most ? length : most;
        put_bits(writer, is_last && piece == length, 1);
        put_bits(writer, 0, 2);
        end_byte(writer);
        put_bits(writer, piece, 16);
        put_bits(writer, ~piece & 0xffff, 16);
        memcpy(writer->out, bytes, piece);
        writer->out += piece;
        bytes += piece;
        length -= piece;
    }
}

static void put_plane(struct bit_writer *writer, const unsigned char *bytes, size_t length,
                      bool is_last)
{
    enum { HEAD_BITS = SYMBOLS * (LONGEST_LENGTH_CODE + 7) }; /* more than any has */
    struct huffman_code code;
    uint32_t counts[SYMBOLS];
    count_literals(bytes, length, counts);
    find_lengths(counts, SYMBOLS, LONGEST_CODE, code.length);
    if ((bits_of(&code, counts) + HEAD_BITS) / 8 + 16 >= length) {
        put_stored(writer, bytes, length, is_last);
        return;
    }
    assign_bits(code.length, SYMBOLS, code.bits);
    put_head(writer, &code, is_last);
    put_literals(writer, &code, bytes, length);
}

size_t huffman_deflate(const unsigned char *bytes, size_t length, size_t planes, unsigned char *out)
{
    struct bit_writer writer = { .out = out };
    *writer.out++ = 0x78; /* deflate, a window of 32 KiB */
    *writer.out++ = 0x01;
    const size_t each = length / planes;
    for (size_t plane = 0; plane < planes; plane++)
        put_plane(&writer, bytes + plane * each, each, plane + 1 == planes);
    end_byte(&writer);
    uint32_t checksum = libdeflate_adler32(1, bytes, length);
    for (int shift = 24; shift >= 0; shift -= 8)
        *writer.out++ = (unsigned char)(checksum >> shift);
    return (size_t)(writer.out - out);
}
