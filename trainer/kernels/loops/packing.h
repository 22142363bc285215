/* packing: tiles from a matrix in memory, of reals or bf16, to reals or pairs of bf16.
 *
 * A tile is packed in two steps: 16 stored rows of 16 units each are read, where a unit of bf16
 * is a pair of neighbours in the row ("along") or of one column in two rows ("across"); then the
 * tile is transposed, where its units run the other way than the stored rows:
 *
 *                   stored as meant       stored transposed
 *   left [M,K]      along                 across, transposed
 *   right [K,N]     across                along, transposed
 *
 * Whole tiles are read where they lie; those at the edges from a copy with zeros around it.
 */
#ifndef TRAINER_KERNELS_LOOPS_PACKING_H
#define TRAINER_KERNELS_LOOPS_PACKING_H

#include <string.h>

#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/loops/transpose.h"

enum { STORED_SIDE = 2 * TILE_SIDE }; /* a tile of pairs is twice as long along K */

/* Stored elements that become one tile. */
struct stored {
    const void *values;
    int64_t ld;
    enum element element;
};

/* `form` is a constant where these are called, so that loops are unrolled and vectorised. */
enum packing_form { REALS, PAIRS_ALONG, PAIRS_ACROSS };

static inline int64_t stored_rows(enum packing_form form)
{
    return form == PAIRS_ACROSS ? STORED_SIDE : TILE_SIDE;
}

static inline int64_t stored_columns(enum packing_form form)
{
    return form == PAIRS_ALONG ? STORED_SIDE : TILE_SIDE;
}

/* Row r of TILE_SIDE bf16, or reals to round. */
static inline __attribute__((always_inline)) void read_bf16(const struct stored *from, int64_t r,
                                                            bf16 row[TILE_SIDE])
{
    if (from->element == ELEMENT_BF16)
        memcpy(row, (const bf16 *)from->values + r * from->ld, TILE_SIDE * sizeof *row);
    else
        for (int i = 0; i < TILE_SIDE; i++)
            row[i] = bf16_from_real(((const real *)from->values)[r * from->ld + i]);
}

/* Rows r and r + 1 as pairs, the even row in the lower halves. */
static inline __attribute__((always_inline)) void read_pairs(const struct stored *from, int64_t r,
                                                             uint32_t *restrict pairs)
{
#ifdef BF16_INSTRUCTIONS
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512i both;
    if (from->element == ELEMENT_BF16) {
        const bf16 *even = (const bf16 *)from->values + r * from->ld;
        both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const void *)even)),
                                  _mm256_loadu_si256((const void *)(even + from->ld)), 1);
    } else {
        const real *even = (const real *)from->values + r * from->ld;
        both =
            (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(even + from->ld), _mm512_loadu_ps(even));
    }
    _mm512_storeu_si512(pairs, _mm512_permutexvar_epi16(order, both));
#else
    bf16 even[TILE_SIDE], odd[TILE_SIDE];
    read_bf16(from, r, even);
    read_bf16(from, r + 1, odd);
    for (int i = 0; i < TILE_SIDE; i++)
        pairs[i] = (uint32_t)odd[i] << 16 | even[i];
#endif
}

static inline __attribute__((always_inline)) void read_real_tile(const struct stored *from,
                                                                 real *restrict tile)
{
    for (int64_t r = 0; r < TILE_SIDE; r++)
        if (from->element == ELEMENT_REAL)
            memcpy(tile + TILE_SIDE * r, (const real *)from->values + r * from->ld,
                   TILE_SIDE * sizeof(real));
        else
            for (int i = 0; i < TILE_SIDE; i++)
                tile[TILE_SIDE * r + i] =
                    bf16_to_real(((const bf16 *)from->values)[r * from->ld + i]);
}

static inline __attribute__((always_inline)) void read_along(const struct stored *from,
                                                             bf16 *restrict tile)
{
    for (int64_t r = 0; r < TILE_SIDE; r++, tile += STORED_SIDE) {
        if (from->element == ELEMENT_BF16)
            for (int i = 0; i < STORED_SIDE; i++) /* a call of memcpy takes longer */
                tile[i] = ((const bf16 *)from->values)[r * from->ld + i];
        else
            bf16_from_32((const real *)from->values + r * from->ld, tile);
    }
}

static inline __attribute__((always_inline)) void read_across(const struct stored *from,
                                                              uint32_t *restrict tile)
{
    for (int64_t r = 0; r < STORED_SIDE; r += 2, tile += TILE_SIDE)
        read_pairs(from, r, tile);
}

static inline __attribute__((always_inline)) void pack_tile(const struct stored *from,
                                                            enum packing_form form, bool transposed,
                                                            void *tile)
{
    if (form == REALS)
        read_real_tile(from, tile);
    else if (form == PAIRS_ALONG)
        read_along(from, tile);
    else
        read_across(from, tile);
    if (transposed)
        transpose_tile(tile);
}

/* At the matrix' edge: `rows` x `columns` elements are there. */
static void pack_edge(const struct stored *from, enum packing_form form, bool transposed,
                      int64_t rows, int64_t columns, void *tile)
{
    real whole[STORED_SIDE * STORED_SIDE]; /* either element's: a real is the longer */
    const size_t bytes = (size_t)element_bytes(from->element);
    memset(whole, 0, sizeof whole);
    for (int64_t r = 0; r < rows; r++)
        memcpy((char *)whole + (size_t)(r * STORED_SIDE) * bytes,
               (const char *)from->values + (size_t)(r * from->ld) * bytes,
               (size_t)columns * bytes);
    struct stored copy = { whole, STORED_SIDE, from->element };
    pack_tile(&copy, form, transposed, tile);
}

/* Where the tiles of a stored matrix go: those of one stored row are `across` tiles apart. */
struct packing {
    struct stored from;
    int64_t rows, columns; /* elements */
    int64_t down, across;  /* tiles from one to the next */
    char *tiles;
};

/* Along the stored rows, which is how memory is read fastest. */
static inline __attribute__((always_inline)) void pack_stored(const struct packing *p,
                                                              enum element element,
                                                              enum packing_form form,
                                                              bool transposed)
{
    const int64_t high = stored_rows(form), wide = stored_columns(form);
    const int64_t tile_bytes = TILE_UNITS * (int64_t)sizeof(real);
    for (int64_t r = 0; r < p->rows; r += high)
        for (int64_t c = 0; c < p->columns; c += wide) {
            const int64_t rows = p->rows - r < high ? p->rows - r : high;
            const int64_t columns = p->columns - c < wide ? p->columns - c : wide;
            const struct stored from = { (const char *)p->from.values +
                                             (r * p->from.ld + c) * element_bytes(element),
                                         p->from.ld, element };
            char *tile = p->tiles + (r / high * p->down + c / wide * p->across) * tile_bytes;
            if (rows == high && columns == wide)
                pack_tile(&from, form, transposed, tile);
            else
                pack_edge(&from, form, transposed, rows, columns, tile);
        }
}

static inline __attribute__((always_inline)) void pack_form(const struct packing *p,
                                                            enum packing_form form, bool transposed)
{
    if (p->from.element == ELEMENT_REAL)
        pack_stored(p, ELEMENT_REAL, form, transposed);
    else
        pack_stored(p, ELEMENT_BF16, form, transposed);
}

/* Tiles of `matrix`, which is `length` by `depth` (left) or `depth` by `length` (right). */
static inline __attribute__((always_inline)) void pack(const struct matrix *matrix, bool is_left,
                                                       int64_t length, int64_t depth, bool pairs,
                                                       void *tiles, int64_t stride)
{
    const bool rows_are_length = is_left != matrix->transposed;
    struct packing p = { .from = { matrix->values, matrix->ld, matrix->element },
                         .rows = rows_are_length ? length : depth,
                         .columns = rows_are_length ? depth : length,
                         .down = rows_are_length ? stride : 1,
                         .across = rows_are_length ? 1 : stride,
                         .tiles = tiles };
    const enum packing_form form = !pairs ? REALS : rows_are_length ? PAIRS_ALONG : PAIRS_ACROSS;
    if (form == REALS && !matrix->transposed)
        pack_form(&p, REALS, false);
    else if (form == REALS)
        pack_form(&p, REALS, true);
    else if (form == PAIRS_ALONG && is_left)
        pack_form(&p, PAIRS_ALONG, false);
    else if (form == PAIRS_ALONG)
        pack_form(&p, PAIRS_ALONG, true);
    else if (is_left)
        pack_form(&p, PAIRS_ACROSS, true);
    else
        pack_form(&p, PAIRS_ACROSS, false);
}

#endif
