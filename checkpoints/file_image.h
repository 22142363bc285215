/* file_image: what a rank writes of a file, as it lies in memory.
 *
 *   file     | header | tensor | tensor  |   tensor    | tensor |
 *   blocks   |           |           |           |          |          WRITE_BLOCK bytes each
 *   pieces   | . .  . .  .  |  . . . | . . . . . |          : of one source, in one block
 *
 * A file that ranks share is cut between them where blocks begin: each describes all of it, and
 * the image keeps what lies in the rank's own blocks. Copying a block computes the checksums of its
 * pieces.
 */
#ifndef CHECKPOINTS_FILE_IMAGE_H
#define CHECKPOINTS_FILE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoints/write_queue.h"
#include "comm/world.h"

/* Writes bytes [offset, offset + length) of a source to `out`. */
typedef void image_fill_function(void *context, int64_t source, int64_t offset, int64_t length,
                                 void *out);

struct image_piece {
    const unsigned char *bytes; /* NULL: they are asked for */
    int64_t length;
    int64_t source;        /* its number, in the order in which they were added */
    int64_t source_offset; /* of the piece in it, bytes */
    uint32_t crc32;        /* once its block was copied */
};

struct file_image {
    int64_t begin, end; /* bytes of the file that are this rank's */
    int64_t at;         /* where the next source comes */
    int64_t sources;
    struct image_piece *pieces; /* in the order of the file */
    int64_t piece_count, piece_capacity;
    int64_t *first_piece; /* [block_count + 1] */
    int64_t block_count;
    image_fill_function *fill; /* for all sources that are not in memory */
    void *fill_context;
};

/* Of a file of `bytes` in all that the ranks of `world` share, or that is this rank's alone (NULL).
 */
void file_image_init(struct file_image *image, int64_t bytes, const struct world *sharers);
void file_image_release(struct file_image *image);

/* In the order of the file. The bytes must stay until they have been copied. */
void file_image_add(struct file_image *image, const void *bytes, int64_t length);
/* A source that is not in memory: `fill` is called when a block is copied, by whom copies it. All
 * such sources of an image have the same. */
void file_image_add_filled(struct file_image *image, int64_t length, image_fill_function *fill,
                           void *context);

/* Local, in any thread. Copies one block to `out` and returns how many bytes it has. */
size_t file_image_copy(struct file_image *image, int64_t block, unsigned char *out);
/* Where a block begins in the file. */
int64_t file_image_offset(const struct file_image *image, int64_t block);

#endif
