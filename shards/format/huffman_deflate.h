/* huffman_deflate: a zlib stream (RFC 1950, 1951) of literals alone, fast.
 *
 * Token ids leave nothing for deflate's search of earlier strings to find: its
 * fastest level takes nine times as long and saves 4 % more. Each plane of a
 * shuffled chunk becomes a block with a Huffman code of its own. The same bytes
 * on every machine.
 */
#ifndef SHARDS_HUFFMAN_DEFLATE_H
#define SHARDS_HUFFMAN_DEFLATE_H

#include <stddef.h>

/* Most bytes that come of `length` in `planes` planes. */
static inline size_t huffman_deflate_bound(size_t length, size_t planes)
{
    /* header, checksum, and a stored block for each 65,535 bytes of each plane */
    return length + 6 + (length / 65535 + planes) * 5 + 16;
}

/* Compresses `planes` planes of `length` / `planes` bytes each; returns the bytes written. */
size_t huffman_deflate(const unsigned char *bytes, size_t length, size_t planes,
                       unsigned char *out);

#endif
