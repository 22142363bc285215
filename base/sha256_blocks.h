/* sha256_blocks: SHA-256's compression function, by the processor's instructions where it has them.
 */
#ifndef BASE_SHA256_BLOCKS_H
#define BASE_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK_BYTES 64

void sha256_add_blocks(uint32_t state[8], const unsigned char *bytes, size_t blocks);

/* As many blocks to each of two states, in less time than one after the other. */
void sha256_add_blocks_to_two(uint32_t *const states[2], const unsigned char *const bytes[2],
                              size_t blocks);

/* What other machines do. */
void sha256_add_blocks_plainly(uint32_t state[8], const unsigned char *bytes, size_t blocks);

#endif
