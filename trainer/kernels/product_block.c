#include "trainer/kernels/product_block.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool product_has_output(const struct product *p)
{
    return p->C_element != ELEMENT_REAL || p->activation != ACTIVATION_NONE;
}

int64_t product_parts(const struct product *p)
{
    return p->activation == ACTIVATION_SWIGLU ? 2 : 1;
}

/* The matrix without its first rows and columns, as they are meant. */
static struct matrix matrix_from(const void *values, enum element element, int64_t ld,
                                 bool transposed, int64_t row, int64_t column)
{
    int64_t at = transposed ? column * ld + row : row * ld + column;
    return (struct matrix){ (const char *)values + at * element_bytes(element), element, ld,
                            transposed };
}

struct matrix product_right(const struct product *p, int64_t k, int64_t column)
{
    return matrix_from(p->B, p->B_element, p->ldb, p->B_transposed, k, column);
}

int64_t product_stretch(const struct kernels *kernels, int64_t K)
{
    const int64_t tiles = tiles_across(K, tile_depth(kernels->element));
    return tiles_across(tiles, tiles_across(tiles, kernels->tiles[kernels->element].stretch));
}

static void *element_at(void *values, enum element element, int64_t index)
{
    return (char *)values + index * element_bytes(element);
}

struct product product_cut(const struct product *whole, const struct product_range *range)
{
    const int64_t row = range->row, column = range->column;
    struct product block = *whole;
    block.M = range->rows;
    block.N = range->columns;
    block.K = range->depth;
    block.A =
        matrix_from(whole->A, whole->A_element, whole->lda, whole->A_transposed, row, range->k)
            .values;
    block.B = product_right(whole, range->k, column).values;
    block.C = element_at(whole->C, whole->C_element, row * whole->ldc + column);
    if (whole->bias)
        block.bias += column;
    if (whole->residual)
        block.residual += row * whole->ld_residual + column;
    if (whole->activated)
        block.activated =
            element_at(whole->activated, whole->C_element, row * whole->ld_activated + column);
    if (range->k > 0) { /* the chains go on */
        block.add = true;
        block.bias = block.residual = NULL;
    }
    return block;
}

/* One block of at most LEFT_ROWS rows, in one thread. */
struct block_run {
    struct kernels *kernels;
    const struct tile_loops *loops; /* of what is multiplied */
    struct kernel_thread *own;
    struct product block;              /* with the columns of the first part */
    const struct packed_right *packed; /* of each part */
    int64_t parts, part_columns;       /* from one part to the next */
    int64_t stretch;                   /* tiles along K */
};

/* Columns [column, column + columns) of every part, against one stretch of K. */
struct strip {
    int64_t column, columns;
    int64_t k, tiles;
    const real *left; /* the stretch's left tiles, `left_stride` tiles from row to row */
    int64_t left_stride;
};

/* A row of sums holds all parts. */
static int64_t part_sums(const struct block_run *run)
{
    return SUMS_COLUMNS / run->parts;
}

static int64_t depth_of(const struct block_run *run, const struct strip *strip)
{
    return smaller(run->block.K - strip->k, strip->tiles * tile_depth(run->kernels->element));
}

/* The panel of part i at `column`: its tiles are packed for all threads, or are packed now. */
static struct packed_right right_panel(const struct block_run *run, int64_t i,
                                       const struct strip *strip, int64_t column, int64_t columns)
{
    struct packed_right right = run->packed[i];
    if (right.tiles) {
        const int64_t tile = strip->k / tile_depth(run->kernels->element);
        right.tiles += (column / TILE_SIDE * right.stride + tile) * TILE_UNITS;
        return right;
    }
    struct matrix B = product_right(&run->block, strip->k, column + i * run->part_columns);
    run->loops->pack_right(&B, depth_of(run, strip), columns, run->own->right_tiles, strip->tiles);
    return (struct packed_right){ run->own->right_tiles, strip->tiles };
}

/* sums[M,columns] of part i = the stretch's left tiles times the strip. */
static void multiply_strip(const struct block_run *run, int64_t i, const struct strip *strip)
{
    const int64_t width = run->loops->panel, end = strip->column + strip->columns;
    const int64_t tile_bytes = TILE_UNITS * (int64_t)sizeof(real);
    for (int64_t column = strip->column; column < end; column += width) {
        const int64_t columns = smaller(end - column, width);
        const struct packed_right right = right_panel(run, i, strip, column, columns);
        struct tile_product product = {
            .A = strip->left,
            .B = right.tiles,
            .A_stride = strip->left_stride,
            .B_stride = right.stride,
            .rows = run->block.M,
            .columns = columns,
            .depth = strip->tiles,
            .C = run->own->sums + i * part_sums(run) + column - strip->column,
            .ldc = SUMS_STRIDE,
        };
        if (run->packed[i].tiles && column + 2 * width <= run->block.N)
            product.next = (struct fetch){
                .from = right.tiles + width / TILE_SIDE * right.stride * TILE_UNITS,
                .stride = right.stride * tile_bytes,
                .row_bytes = strip->tiles * tile_bytes,
                .rows = width / TILE_SIDE,
            };
        run->loops->multiply(&product);
    }
}

/* Where the sums of a strip go, and what they are added to. */
static struct panel_output output_of(const struct block_run *run, const struct strip *strip)
{
    const struct product *block = &run->block;
    const enum element element = block->C_element;
    const bool is_first = strip->k == 0;
    struct panel_output output = {
        .sums = run->own->sums,
        .ld_sums = SUMS_STRIDE,
        .part_sums = part_sums(run),
        .rows = block->M,
        .columns = strip->columns,
        .part_columns = run->part_columns,
        .part_before = run->part_columns,
        .element = element,
        .C = element_at(block->C, element, strip->column),
        .ldc = block->ldc,
        .activation = block->activation,
        .activated = block->activated ? element_at(block->activated, element, strip->column) : NULL,
        .ld_activated = block->ld_activated,
        .bias = is_first && block->bias ? block->bias + strip->column : NULL,
    };
    if (is_first && block->residual) {
        output.before = block->residual + strip->column;
        output.ld_before = block->ld_residual;
    } else if (!is_first && product_has_output(block)) {
        output.before = run->own->totals;
        output.ld_before = SUMS_STRIDE;
        output.part_before = part_sums(run);
    } else if (!is_first || block->add) {
        output.before = output.C;
        output.ld_before = output.ldc;
        output.is_cached = true;
    }
    return output;
}

/* Sums that are not yet all of K, of a C that cannot hold them. */
static void store_totals(const struct block_run *run, struct panel_output output)
{
    output.element = ELEMENT_REAL;
    output.activation = ACTIVATION_NONE;
    output.ldc = SUMS_STRIDE;
    output.is_cached = true;
    for (int64_t i = 0; i < run->parts; i++) {
        output.C = run->own->totals + i * output.part_sums;
        run->kernels->table->panel->store(&output);
        output.sums += output.part_sums;
        if (output.before)
            output.before += output.part_before;
        if (output.bias)
            output.bias += output.part_columns;
    }
}

static void run_strip(const struct block_run *run, const struct strip *strip)
{
    const struct panel_output output = output_of(run, strip);
    for (int64_t i = 0; i < run->parts; i++)
        multiply_strip(run, i, strip);
    if (product_has_output(&run->block) && strip->k + depth_of(run, strip) < run->block.K)
        store_totals(run, output);
    else
        run->kernels->table->panel->store(&output);
}

/* All columns against the stretches of K from k on, whose left tiles are packed together. */
static void run_stretches(const struct block_run *run, int64_t k, int64_t tiles)
{
    const struct product *block = &run->block;
    const int64_t length = tile_depth(run->kernels->element);
    const int64_t width = part_sums(run) / run->loops->panel * run->loops->panel;
    struct matrix A =
        matrix_from(block->A, block->A_element, block->lda, block->A_transposed, 0, k);
    run->loops->pack_left(&A, block->M, smaller(block->K - k, tiles * length), run->own->left_tiles,
                          tiles);
    for (int64_t column = 0; column < block->N; column += width)
        for (int64_t tile = 0; tile < tiles; tile += run->stretch) {
            const struct strip strip = { column,
                                         smaller(block->N - column, width),
                                         k + tile * length,
                                         smaller(tiles - tile, run->stretch),
                                         run->own->left_tiles + tile * TILE_UNITS,
                                         tiles };
            run_strip(run, &strip);
        }
}

/* So many tiles along K are packed at once: all of it where C cannot hold sums. */
static int64_t tiles_at_once(const struct kernels *kernels, const struct product *p)
{
    return product_has_output(p) ? tiles_across(p->K, tile_depth(kernels->element))
                                 : product_stretch(kernels, p->K);
}

int64_t product_rows_at_once(const struct kernels *kernels, const struct product *p)
{
    const int64_t tiles = kernels->scratch->left_tile_count / tiles_at_once(kernels, p);
    return smaller(LEFT_ROWS, tiles / 2 * ROWS_MULTIPLE);
}

static void run_rows(const struct block_run *run)
{
    const int64_t length = tile_depth(run->kernels->element);
    const int64_t tiles = tiles_across(run->block.K, length);
    const int64_t step = product_has_output(&run->block) ? tiles : run->stretch;
    for (int64_t tile = 0; tile < tiles; tile += step)
        run_stretches(run, tile * length, smaller(tiles - tile, step));
}

/* One token's product: its sums are not the tiles' chains, so it must be the whole product that
 * has one row, and not a block at its edge. */
static bool is_one_row(const struct product *p)
{
    return p->M == 1 && !p->A_transposed && p->A_element == ELEMENT_REAL &&
           p->B_element == ELEMENT_REAL;
}

static void run_one_row(const struct block_run *run)
{
    const struct product *block = &run->block;
    for (int64_t column = 0; column < block->N; column += part_sums(run)) {
        const struct strip strip = { .column = column,
                                     .columns = smaller(block->N - column, part_sums(run)) };
        const struct panel_output output = output_of(run, &strip);
        for (int64_t i = 0; i < run->parts; i++)
            run->kernels->table->vector->vector_product(
                block->A, product_right(block, 0, column + i * run->part_columns).values,
                block->ldb, block->B_transposed, run->own->sums + i * part_sums(run), strip.columns,
                block->K, false);
        run->kernels->table->panel->store(&output);
    }
}

void product_block_run(struct kernels *kernels, int thread, const struct product *whole,
                       const struct product_range *range, const struct packed_right packed[])
{
    const int64_t parts = product_parts(whole);
    struct block_run run = { .kernels = kernels,
                             .loops = &kernels->tiles[kernels->element],
                             .own = &kernels->scratch->threads[thread],
                             .block = product_cut(whole, range),
                             .packed = packed,
                             .parts = parts,
                             .part_columns = whole->N / parts,
                             .stretch = product_stretch(kernels, whole->K) };
    run.own->flops += 2 * range->rows * range->columns * parts * range->depth;
    if (is_one_row(whole))
        run_one_row(&run);
    else
        run_rows(&run);
    kernels->table->panel->publish();
}
