/* amx_walk: a block of C in pieces of 2 x 2 tiles, which stay in tile registers over the whole
 * depth. Included by files that define, for a tile register 0 to 7 of 16 rows of 64 bytes:
 *
 *   TILE_LOAD(tile, from, row_bytes), TILE_STORE(tile, to, row_bytes), TILE_ZERO(tile)
 *   TILE_STREAM(tile, from, row_bytes)  the same as TILE_LOAD, of what is not needed again soon
 *   TILE_PRODUCT(sums, left, right)    TDPBF16PS: see tiles.h
 *
 *              B0   B1
 *            +----+----+     Four products take 64 cycles, more than the 52 after which a sum can
 *        A0  |C00 |C01 |     be added to again, and four loads take 32 (Intel 64 and IA-32
 *            +----+----+     Optimization Reference Manual, AMX). The second-level cache gives
 *        A1  |C10 |C11 |     less than the 64 bytes a cycle that this would take from it.
 *            +----+----+
 *
 * So K is walked in layers whose panel of B stays in the first-level cache, while A streams past
 * it. Layers go on with the chains of the ones before: they do not change their bits.
 *
 * Sums start from zero where they can: tiles of C that are loaded first hold up the next piece.
 */
#ifndef TRAINER_KERNELS_MULTIPLY_AMX_WALK_H
#define TRAINER_KERNELS_MULTIPLY_AMX_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "trainer/kernels/tiles.h"

/* Tile registers; no enum, as the instructions take literals. */
#define C00 0
#define C01 1
#define C10 2
#define C11 3
#define A0  4
#define A1  5
#define B0  6
#define B1  7

/* Tiles along K: 32 KiB of B, of the 48 that first-level caches have where there is AMX. */
enum { LAYER_TILES = 16 };
enum { PIECE_SIDE = 2 * TILE_SIDE, ROW_BYTES = 64, TILE_BYTES = TILE_SIDE * ROW_BYTES };

/* A tile of C: in C itself, or at C's edges a copy, because tile instructions have no masks. */
struct sums {
    float *at;
    int64_t row_bytes;
    int64_t rows, columns; /* that are C's */
};

struct piece {
    const char *A[2], *B[2]; /* the tiles of two rows and of two columns of tiles, along K */
    int64_t depth;
    struct sums C[2][2];
    bool add;
};

static inline __attribute__((always_inline)) void load_sums(const struct piece *p, const int down,
                                                            const int across)
{
    if (!p->add) {
        TILE_ZERO(C00);
        TILE_ZERO(C01);
        TILE_ZERO(C10);
        TILE_ZERO(C11);
        return;
    }
    TILE_LOAD(C00, p->C[0][0].at, p->C[0][0].row_bytes);
    if (across == 2)
        TILE_LOAD(C01, p->C[0][1].at, p->C[0][1].row_bytes);
    if (down == 2)
        TILE_LOAD(C10, p->C[1][0].at, p->C[1][0].row_bytes);
    if (down == 2 && across == 2)
        TILE_LOAD(C11, p->C[1][1].at, p->C[1][1].row_bytes);
}

static inline __attribute__((always_inline)) void store_sums(const struct piece *p, const int down,
                                                             const int across)
{
    TILE_STORE(C00, p->C[0][0].at, p->C[0][0].row_bytes);
    if (across == 2)
        TILE_STORE(C01, p->C[0][1].at, p->C[0][1].row_bytes);
    if (down == 2)
        TILE_STORE(C10, p->C[1][0].at, p->C[1][0].row_bytes);
    if (down == 2 && across == 2)
        TILE_STORE(C11, p->C[1][1].at, p->C[1][1].row_bytes);
}

enum { LINE_BYTES = 64, LINES_IN_STEP = 3 };

/* Where a walk is in what it fetches. */
struct fetching {
    const char *line, *row_end;
    int64_t next_row, row_bytes, rows;
};

static inline struct fetching begin_fetching(const struct fetch *fetch)
{
    const char *from = fetch->from;
    return (struct fetching){ from, from + fetch->row_bytes, fetch->stride - fetch->row_bytes,
                              fetch->row_bytes, fetch->rows };
}

static inline __attribute__((always_inline)) void fetch_lines(struct fetching *f)
{
    for (int i = 0; i < LINES_IN_STEP && f->rows > 0; i++) {
        __builtin_prefetch(f->line, 0, 2);
        f->line += LINE_BYTES;
        if (f->line >= f->row_end) {
            f->line = f->row_end + f->next_row;
            f->row_end = f->line + f->row_bytes;
            f->rows--;
        }
    }
}

/* Products at one depth; each operand of the next depth is loaded once its register is read for
 * the last time. A's tiles, which come from farther, have two products' time to arrive. */
static inline __attribute__((always_inline)) void multiply_step(const char *const A[2],
                                                                const char *const B[2],
                                                                const int down, const int across,
                                                                const bool more)
{
    TILE_PRODUCT(C00, A0, B0);
    if (across == 2)
        TILE_PRODUCT(C01, A0, B1);
    if (more)
        TILE_STREAM(A0, A[0] + TILE_BYTES, ROW_BYTES);
    if (down == 2)
        TILE_PRODUCT(C10, A1, B0);
    if (more)
        TILE_LOAD(B0, B[0] + TILE_BYTES, ROW_BYTES);
    if (down == 2 && across == 2)
        TILE_PRODUCT(C11, A1, B1);
    if (more && across == 2)
        TILE_LOAD(B1, B[1] + TILE_BYTES, ROW_BYTES);
    if (more && down == 2)
        TILE_STREAM(A1, A[1] + TILE_BYTES, ROW_BYTES);
}

/* `down` x `across` tiles; constants where it is called, so that the conditions vanish. */
static inline __attribute__((always_inline)) void multiply_piece(const struct piece *p,
                                                                 struct fetching *fetching,
                                                                 const int down, const int across)
{
    const char *A[2] = { p->A[0], p->A[1] }, *B[2] = { p->B[0], p->B[1] };
    TILE_STREAM(A0, A[0], ROW_BYTES);
    TILE_LOAD(B0, B[0], ROW_BYTES);
    if (across == 2)
        TILE_LOAD(B1, B[1], ROW_BYTES);
    if (down == 2)
        TILE_STREAM(A1, A[1], ROW_BYTES);
    load_sums(p, down, across);
    for (int64_t left = p->depth; left > 1; left--) {
        multiply_step(A, B, down, across, true);
        fetch_lines(fetching);
        for (int i = 0; i < 2; i++) {
            A[i] += TILE_BYTES;
            B[i] += TILE_BYTES;
        }
    }
    multiply_step(A, B, down, across, false);
    store_sums(p, down, across);
}

static __attribute__((noinline)) void multiply_1_by_1(const struct piece *p,
                                                      struct fetching *fetching)
{
    multiply_piece(p, fetching, 1, 1);
}

static __attribute__((noinline)) void multiply_1_by_2(const struct piece *p,
                                                      struct fetching *fetching)
{
    multiply_piece(p, fetching, 1, 2);
}

static __attribute__((noinline)) void multiply_2_by_1(const struct piece *p,
                                                      struct fetching *fetching)
{
    multiply_piece(p, fetching, 2, 1);
}

static __attribute__((noinline)) void multiply_2_by_2(const struct piece *p,
                                                      struct fetching *fetching)
{
    multiply_piece(p, fetching, 2, 2);
}

/* Where a tile of C of so many rows and columns is summed; `copy` holds one tile. */
static struct sums open_sums(float *C, int64_t ldc, int64_t rows, int64_t columns, bool add,
                             float *copy)
{
    const int64_t row_bytes = ldc * (int64_t)sizeof *C;
    if (rows >= TILE_SIDE && columns >= TILE_SIDE)
        return (struct sums){ C, row_bytes, TILE_SIDE, TILE_SIDE };
    struct sums sums = { copy, ROW_BYTES, rows < TILE_SIDE ? rows : TILE_SIDE,
                         columns < TILE_SIDE ? columns : TILE_SIDE };
    memset(copy, 0, TILE_BYTES);
    for (int64_t r = 0; add && r < sums.rows; r++)
        memcpy(copy + r * TILE_SIDE, C + r * ldc, (size_t)sums.columns * sizeof *C);
    return sums;
}

static void close_sums(const struct sums *sums, float *C, int64_t ldc)
{
    for (int64_t r = 0; sums->at != C && r < sums->rows; r++)
        memcpy(C + r * ldc, sums->at + r * TILE_SIDE, (size_t)sums->columns * sizeof *C);
}

/* The piece whose first element is C[row, column]. */
static void multiply_piece_at(const struct tile_product *p, struct fetching *fetching, int64_t row,
                              int64_t column)
{
    static void (*const multiply[2][2])(const struct piece *, struct fetching *) = {
        { multiply_1_by_1, multiply_1_by_2 }, { multiply_2_by_1, multiply_2_by_2 }
    };
    _Alignas(ROW_BYTES) float copies[2][2][TILE_UNITS];
    const int64_t rows = p->rows - row, columns = p->columns - column;
    const int down = rows > TILE_SIDE ? 2 : 1, across = columns > TILE_SIDE ? 2 : 1;
    struct piece piece = { .depth = p->depth, .add = p->add };
    for (int i = 0; i < down; i++)
        piece.A[i] = (const char *)p->A + (row / TILE_SIDE + i) * p->A_stride * TILE_BYTES;
    for (int j = 0; j < across; j++)
        piece.B[j] = (const char *)p->B + (column / TILE_SIDE + j) * p->B_stride * TILE_BYTES;
    float *C = p->C + row * p->ldc + column;
    for (int i = 0; i < down; i++)
        for (int j = 0; j < across; j++)
            piece.C[i][j] =
                open_sums(C + (i * p->ldc + j) * TILE_SIDE, p->ldc, rows - i * TILE_SIDE,
                          columns - j * TILE_SIDE, p->add, copies[i][j]);
    multiply[down - 1][across - 1](&piece, fetching);
    for (int i = 0; i < down; i++)
        for (int j = 0; j < across; j++)
            close_sums(&piece.C[i][j], C + (i * p->ldc + j) * TILE_SIDE, p->ldc);
}

/* A piece that is C's as a whole, with the tiles A and B: no call, no copies, so that its loads can
 * begin while the piece before it ends. */
static inline __attribute__((always_inline)) void multiply_whole_piece(const struct tile_product *p,
                                                                       struct fetching *fetching,
                                                                       const char *A, const char *B,
                                                                       float *C)
{
    const int64_t row_bytes = p->ldc * (int64_t)sizeof *C;
    const struct piece piece = {
        .A = { A, A + p->A_stride * TILE_BYTES },
        .B = { B, B + p->B_stride * TILE_BYTES },
        .depth = p->depth,
        .C = { { { .at = C, .row_bytes = row_bytes },
                 { .at = C + TILE_SIDE, .row_bytes = row_bytes } },
               { { .at = C + TILE_SIDE * p->ldc, .row_bytes = row_bytes },
                 { .at = C + TILE_SIDE * p->ldc + TILE_SIDE, .row_bytes = row_bytes } } },
        .add = p->add,
    };
    multiply_piece(&piece, fetching, 2, 2);
}

/* C[16 rows, 2 tiles] = A B, two tiles deep: attention's scores. B stays in registers, so that half
 * of a piece's loads fall away, which at this depth cost as much as its products. */
static inline bool is_shallow(const struct tile_product *p)
{
    return p->depth == 2 && p->columns == PIECE_SIDE && p->rows % TILE_SIDE == 0 && !p->add;
}

static inline void multiply_shallow(const struct tile_product *p)
{
    const char *A = p->A, *B = p->B;
    const int64_t row_bytes = p->ldc * (int64_t)sizeof *p->C;
    TILE_LOAD(4, B, ROW_BYTES);
    TILE_LOAD(5, B + TILE_BYTES, ROW_BYTES);
    TILE_LOAD(6, B + p->B_stride * TILE_BYTES, ROW_BYTES);
    TILE_LOAD(7, B + (p->B_stride + 1) * TILE_BYTES, ROW_BYTES);
    for (int64_t row = 0; row < p->rows; row += TILE_SIDE, A += p->A_stride * TILE_BYTES) {
        float *C = p->C + row * p->ldc;
        TILE_LOAD(2, A, ROW_BYTES);
        TILE_LOAD(3, A + TILE_BYTES, ROW_BYTES);
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_PRODUCT(0, 2, 4);
        TILE_PRODUCT(1, 2, 6);
        TILE_PRODUCT(0, 3, 5);
        TILE_PRODUCT(1, 3, 7);
        TILE_STORE(0, C, row_bytes);
        TILE_STORE(1, C + TILE_SIDE, row_bytes);
    }
}

/* All rows of the panel of columns that begins at `column`. */
static inline void multiply_panel(const struct tile_product *p, struct fetching *fetching,
                                  int64_t column)
{
    const char *B = (const char *)p->B + column / TILE_SIDE * p->B_stride * TILE_BYTES;
    int64_t row = 0;
    for (; column + PIECE_SIDE <= p->columns && row + PIECE_SIDE <= p->rows; row += PIECE_SIDE)
        multiply_whole_piece(p, fetching,
                             (const char *)p->A + row / TILE_SIDE * p->A_stride * TILE_BYTES, B,
                             p->C + row * p->ldc + column);
    for (; row < p->rows; row += PIECE_SIDE)
        multiply_piece_at(p, fetching, row, column);
}

/* Depth must be at least one tile. */
static inline void multiply_walk(const struct tile_product *product)
{
    if (is_shallow(product)) {
        multiply_shallow(product);
        return;
    }
    struct fetching fetching = begin_fetching(&product->next);
    const int64_t layers = tiles_across(product->depth, LAYER_TILES);
    const int64_t most = tiles_across(product->depth, layers);
    for (int64_t column = 0; column < product->columns; column += PIECE_SIDE) {
        struct tile_product layer = *product;
        for (int64_t left = product->depth; left > 0; left -= layer.depth) {
            layer.depth = left < most ? left : most;
            multiply_panel(&layer, &fetching, column);
            layer.A = (const char *)layer.A + layer.depth * TILE_BYTES;
            layer.B = (const char *)layer.B + layer.depth * TILE_BYTES;
            layer.add = true;
        }
    }
}

/* The products of a step without its loads: a multiply-add is two operations. */
static inline int64_t step_ceiling(int64_t rounds)
{
    TILE_ZERO(C00);
    TILE_ZERO(C01);
    TILE_ZERO(C10);
    TILE_ZERO(C11);
    TILE_ZERO(A0);
    TILE_ZERO(A1);
    TILE_ZERO(B0);
    TILE_ZERO(B1);
    for (int64_t i = 0; i < rounds; i++) {
        TILE_PRODUCT(C00, A0, B0);
        TILE_PRODUCT(C01, A0, B1);
        TILE_PRODUCT(C10, A1, B0);
        TILE_PRODUCT(C11, A1, B1);
    }
    return rounds * PIECE_SIDE * PIECE_SIDE * 2 * TILE_SIDE * 2;
}

#endif
