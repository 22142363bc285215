#include "trainer/kernels/product.h"

#include "base/clock.h"
#include "trainer/kernels/product_block.h"

enum {
    REGION_TILES = 192, /* along K, where a region need not have all of it: whole stretches */
    RIGHT_PACKING_TILES = 2
};

struct blocking {
    int64_t rows, columns; /* of one block */
    int64_t across, blocks;
};

/* Columns (of each part) and a stretch of K, for which B is packed at once for all threads. */
struct region {
    int64_t column, columns, k, depth;
};

struct blocked_product {
    struct kernels *kernels;
    const struct product *whole;
    struct region region;
    struct blocking blocking;
    int64_t tile_length;
    bool is_shared; /* B is packed for all threads */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The length of `pieces` nearly equal pieces of `whole`, a multiple of `multiple`. */
static int64_t piece_length(int64_t whole, int64_t pieces, int64_t multiple)
{
    return tiles_across(tiles_across(whole, pieces), multiple) * multiple;
}

static struct blocking blocking_into(int64_t M, int64_t N, int64_t down, int64_t across,
                                     int64_t panel)
{
    struct blocking b = { .rows = piece_length(M, down, ROWS_MULTIPLE),
                          .columns = piece_length(N, across, panel) };
    b.across = tiles_across(N, b.columns);
    b.blocks = tiles_across(M, b.rows) * b.across;
    return b;
}

/* The time of the thread that does most. A quarter of a block: threads do not end together. */
static double blocking_cost(const struct blocking *b, const struct tile_loops *loops, int threads,
                            bool is_shared)
{
    const double rows = (double)b->rows, columns = (double)b->columns;
    const double a_block = rows * columns + rows * loops->pack_cost +
                           columns * (is_shared ? loops->read_cost : loops->pack_cost);
    return a_block * ((double)tiles_across(b->blocks, threads) + (threads > 1 ? 0.25 : 0));
}

/* How M x N of C are cut: the cheapest way, of blocks that fit in the scratch. */
static struct blocking blocking_of(const struct blocked_product *job, int64_t N)
{
    const struct product *p = job->whole;
    const struct tile_loops *loops = &job->kernels->tiles[job->kernels->element];
    const int threads = thread_pool_size(job->kernels->pool);
    const int64_t rows = product_rows_at_once(job->kernels, p), panel = loops->panel;

    const int64_t fewest_down = tiles_across(p->M, rows);
    const int64_t most_down = larger(fewest_down, smaller(p->M / TILE_SIDE, 4 * threads));
    const int64_t most_across = larger(1, smaller(N / panel, 4 * threads));
    struct blocking best = blocking_into(p->M, N, fewest_down, 1, panel);
    for (int64_t down = fewest_down; down <= most_down; down += 1 + down / 4)
        for (int64_t across = 1; across <= most_across; across += 1 + across / 4) {
            struct blocking b = blocking_into(p->M, N, down, across, panel);
            if (blocking_cost(&b, loops, threads, job->is_shared) <
                blocking_cost(&best, loops, threads, job->is_shared))
                best = b;
        }
    return best;
}

static struct product_range block_range(const struct blocked_product *job, int64_t index)
{
    const struct blocking *b = &job->blocking;
    const struct region *region = &job->region;
    const int64_t row = index / b->across * b->rows, column = index % b->across * b->columns;
    return (struct product_range){ .row = row,
                                   .rows = smaller(job->whole->M - row, b->rows),
                                   .column = region->column + column,
                                   .columns = smaller(region->columns - column, b->columns),
                                   .k = region->k,
                                   .depth = region->depth };
}

/* Part `part` of the region in the shared tiles, from tile (k, column) on. */
static real *shared_tiles(const struct blocked_product *job, int64_t part, int64_t k_tile,
                          int64_t column)
{
    const int64_t stride = tiles_across(job->region.depth, job->tile_length);
    const int64_t part_tiles = tiles_across(job->region.columns, TILE_SIDE);
    return job->kernels->scratch->shared_tiles +
           ((part * part_tiles + column / TILE_SIDE) * stride + k_tile) * TILE_UNITS;
}

static void product_block(void *context, int64_t index, int thread)
{
    const struct blocked_product *job = context;
    const struct product_range range = block_range(job, index);
    struct packed_right packed[PARTS_MOST] = { { NULL, 0 } };
    for (int64_t i = 0; job->is_shared && i < product_parts(job->whole); i++) {
        packed[i].tiles = shared_tiles(job, i, 0, range.column - job->region.column);
        packed[i].stride = tiles_across(job->region.depth, job->tile_length);
    }
    product_block_run(job->kernels, thread, job->whole, &range, packed);
}

/* Pieces of B run along its stored rows. */
static int64_t packing_blocks(const struct blocked_product *job)
{
    const struct region *r = &job->region;
    return job->whole->B_transposed
               ? tiles_across(r->columns, RIGHT_PACKING_TILES * TILE_SIDE)
               : tiles_across(r->depth, RIGHT_PACKING_TILES * job->tile_length);
}

static void packing_block(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct blocked_product *job = context;
    const struct product *p = job->whole;
    const struct region *r = &job->region;
    const struct tile_loops *loops = &job->kernels->tiles[job->kernels->element];
    const int64_t column = p->B_transposed ? index * RIGHT_PACKING_TILES * TILE_SIDE : 0;
    const int64_t k_tile = p->B_transposed ? 0 : index * RIGHT_PACKING_TILES;
    const int64_t k = k_tile * job->tile_length, parts = product_parts(p);
    const int64_t columns = p->B_transposed
                                ? smaller(r->columns - column, RIGHT_PACKING_TILES * TILE_SIDE)
                                : r->columns;
    const int64_t depth =
        p->B_transposed ? r->depth : smaller(r->depth - k, RIGHT_PACKING_TILES * job->tile_length);
    for (int64_t i = 0; i < parts; i++) {
        struct matrix B = product_right(p, r->k + k, i * (p->N / parts) + r->column + column);
        loops->pack_right(&B, depth, columns, shared_tiles(job, i, k_tile, column),
                          tiles_across(r->depth, job->tile_length));
    }
}

/* Regions as large as the shared tiles; none (columns 0) where they do not pay, or do not fit. */
static struct region region_of(const struct product *p, int64_t panel, int64_t tile_length,
                               int64_t stretch)
{
    const int64_t tiles = tiles_across(p->K, tile_length);
    const int64_t most = REGION_TILES / stretch * stretch;
    const int64_t depth = product_has_output(p) ? tiles : smaller(tiles, most);
    const int64_t room = SHARED_UNITS / (depth * TILE_SIDE * product_parts(p)) / panel * panel;
    if (p->M <= LEFT_ROWS || room == 0)
        return (struct region){ 0 };
    const int64_t N = p->N / product_parts(p);
    return (struct region){ .columns = piece_length(N, tiles_across(N, room), panel),
                            .depth = depth * tile_length };
}

static void run_region(struct blocked_product *job)
{
    struct thread_pool *pool = job->kernels->pool;
    job->blocking = blocking_of(job, job->region.columns);
    if (job->is_shared)
        thread_pool_run(pool, packing_blocks(job), packing_block, job);
    thread_pool_run(pool, job->blocking.blocks, product_block, job);
}

static void run_product(struct blocked_product *job)
{
    const struct product *p = job->whole;
    const int64_t panel = job->kernels->tiles[job->kernels->element].panel;
    const int64_t N = p->N / product_parts(p);
    struct region most = region_of(p, panel, job->tile_length, product_stretch(job->kernels, p->K));
    job->is_shared = most.columns > 0;
    if (!job->is_shared)
        most = (struct region){ .columns = N, .depth = p->K };
    for (int64_t column = 0; column < N; column += most.columns)
        for (int64_t k = 0; k < p->K; k += most.depth) {
            job->region = (struct region){ column, smaller(N - column, most.columns), k,
                                           smaller(p->K - k, most.depth) };
            run_region(job);
        }
}

/* A kernel that ran since `begun`, with the operations of all threads' products. */
static void count_run(struct kernels *kernels, enum kernel_id id, double begun)
{
    struct kernel_profile *profile = &kernels->profile[id];
    int64_t flops = 0;
    for (int i = 0; i < thread_pool_size(kernels->pool); i++) {
        flops += kernels->scratch->threads[i].flops;
        kernels->scratch->threads[i].flops = 0;
    }
    kernels->flops += flops;
    profile->flops += flops;
    profile->calls++;
    profile->seconds += clock_seconds() - begun;
}

void kernels_product(struct kernels *kernels, const struct product *product)
{
    CHECK(!product->add || (!product_has_output(product) && !product->bias && !product->residual),
          "a product is added to a C of sums alone");
    CHECK(kernels->tiles[product->C_element].store, "this build stores no bf16");
    const double begun = clock_seconds();
    if (product_has_output(product)) /* ROWS_MULTIPLE rows over all of K */
        kernel_scratch_reserve_left(kernels,
                                    2 * tiles_across(product->K, tile_depth(kernels->element)));
    struct blocked_product job = { .kernels = kernels,
                                   .whole = product,
                                   .tile_length = tile_depth(kernels->element) };
    run_product(&job);
    count_run(kernels, product->id, begun);
}

void kernels_run(struct kernels *kernels, enum kernel_id id, int64_t blocks, thread_pool_work *work,
                 void *context)
{
    const double begun = clock_seconds();
    thread_pool_run(kernels->pool, blocks, work, context);
    count_run(kernels, id, begun);
}

void kernels_count_elements(struct kernels *kernels, enum kernel_id id, enum element element,
                            int64_t count)
{
    kernels->profile[id].bytes += count * element_bytes(element);
}

void kernels_count_reals(struct kernels *kernels, enum kernel_id id, int64_t reals)
{
    kernels_count_elements(kernels, id, ELEMENT_REAL, reals);
}
