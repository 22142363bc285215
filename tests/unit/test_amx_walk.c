/* The walk over AMX tiles, on instructions that are emulated (tile_emulation.h), and, where the
 * CPU has them, the instructions themselves against the emulation, bit for bit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

#include "tests/unit/tile_emulation.h"
#include "trainer/kernels/multiply/amx_walk.h"

enum { MOST_TILES = 5, MOST_DEPTH = 16, MOST = MOST_TILES * TILE_SIDE, PAD = 3, LDC = MOST + PAD };
enum { TILE_ELEMENTS = 2 * TILE_UNITS };

/* Operands in tiles, strips MOST_DEPTH tiles apart, and C with rows and columns to spare. */
struct sample {
    bf16 A[MOST_TILES * MOST_DEPTH * TILE_ELEMENTS];
    bf16 B[MOST_TILES * MOST_DEPTH * TILE_ELEMENTS];
    float C[(MOST + 1) * LDC];
};

static struct sample sample;

static bf16 bf16_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bf16)(bits >> 16);
}

/* From N(0, 1); with `wild`, one in eight is huge, tiny or a denormal. */
static float random_float(uint64_t stream, uint64_t i, bool wild)
{
    static const float scales[] = { 1e17f, 1e-19f, 1e-38f, 1e-39f };
    const struct philox_key key = philox_key(7, RANDOM_TEST);
    const float scale = wild && i % 8 == 0 ? scales[i / 8 % 4] : 1;
    return scale * (float)philox_normal(key, stream, i);
}

static void fill_sample(struct sample *s, bool wild)
{
    for (uint64_t i = 0; i < sizeof s->A / sizeof *s->A; i++) {
        s->A[i] = bf16_of(random_float(1, i, wild));
        s->B[i] = bf16_of(random_float(2, i, wild));
    }
    for (uint64_t i = 0; i < sizeof s->C / sizeof *s->C; i++)
        s->C[i] = random_float(3, i, wild);
}

static struct tile_product product_of(struct sample *s, int64_t rows, int64_t columns,
                                      int64_t depth, bool add)
{
    return (struct tile_product){ .A = s->A,
                                  .B = s->B,
                                  .A_stride = MOST_DEPTH,
                                  .B_stride = MOST_DEPTH,
                                  .rows = rows,
                                  .columns = columns,
                                  .depth = depth,
                                  .C = s->C,
                                  .ldc = LDC,
                                  .add = add };
}

static float element_of_A(const struct sample *s, int64_t row, int64_t k)
{
    const int64_t tile = row / TILE_SIDE * MOST_DEPTH + k / (2 * TILE_SIDE);
    return float_of_bits(
        (uint32_t)s->A[tile * TILE_ELEMENTS + row % TILE_SIDE * 2 * TILE_SIDE + k % (2 * TILE_SIDE)]
        << 16);
}

static float element_of_B(const struct sample *s, int64_t k, int64_t column)
{
    const int64_t tile = column / TILE_SIDE * MOST_DEPTH + k / (2 * TILE_SIDE);
    const int64_t unit = k / 2 % TILE_SIDE * TILE_SIDE + column % TILE_SIDE;
    return float_of_bits((uint32_t)s->B[tile * TILE_ELEMENTS + 2 * unit + k % 2] << 16);
}

/* Sums in double; `before` is what C held. Observed: 1.6e-7 of the sum of magnitudes. */
static void expect_near_double(const struct sample *before, const struct tile_product *p)
{
    for (int64_t r = 0; r <= MOST; r++)
        for (int64_t c = 0; c < LDC; c++) {
            const float got = p->C[r * LDC + c];
            double sum = before->C[r * LDC + c], size = fabs(sum);
            if (r >= p->rows || c >= p->columns) { /* not ours */
                assert_memory_equal(&got, &before->C[r * LDC + c], sizeof got);
                continue;
            }
            if (!p->add)
                sum = size = 0;
            for (int64_t k = 0; k < p->depth * 2 * TILE_SIDE; k++) {
                const double term = (double)element_of_A(before, r, k) * element_of_B(before, k, c);
                sum += term;
                size += fabs(term);
            }
            if (!(fabs(got - sum) < 1e-6 * size))
                fail_msg("%d x %d x %d at (%d, %d): %g, not %g", (int)p->rows, (int)p->columns,
                         (int)p->depth, (int)r, (int)c, (double)got, sum);
        }
}

static void every_shape_is_near_the_sum_in_double_and_touches_nothing_else(void **state)
{
    (void)state;
    static const int64_t lengths[] = { 1, 15, 16, 17, 31, 32, 33, 48, 49, 64, 80 };
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    static struct sample before;
    fill_sample(&before, false);
    for (int i = 0; i < LENGTHS; i++)
        for (int j = 0; j < LENGTHS; j++) {
            sample = before;
            struct tile_product p =
                product_of(&sample, lengths[i], lengths[j], 1 + (i + j) % 3, j % 2);
            multiply_walk(&p);
            expect_near_double(&before, &p);
        }
}

/* What multiply_shallow takes, and the same shape where it must not. */
static void shallow_products_are_near_the_sum_in_double_and_touch_nothing_else(void **state)
{
    (void)state;
    static struct sample before;
    fill_sample(&before, false);
    for (int64_t rows = 15; rows <= MOST; rows++)
        for (int add = 0; add < 2; add++) {
            sample = before;
            struct tile_product p = product_of(&sample, rows, 2 * TILE_SIDE, 2, add);
            multiply_walk(&p);
            expect_near_double(&before, &p);
        }
}

/* The sums of products whose k is even, and of those whose k is odd: see tiles.h. */
static float sum_of_tile(const struct sample *s, int64_t row, int64_t column, int64_t tile)
{
    float sums[2] = { 0, 0 };
    for (int64_t k = tile * 2 * TILE_SIDE; k < (tile + 1) * 2 * TILE_SIDE; k++)
        sums[k % 2] = fmaf(element_of_A(s, row, k), element_of_B(s, k, column), sums[k % 2]);
    return sums[0] + sums[1];
}

static void an_element_is_one_chain_over_the_tiles(void **state)
{
    (void)state;
    enum { ROWS = 70, COLUMNS = 53, DEPTH = 5 };
    static struct sample before;
    fill_sample(&before, false);
    sample = before;
    struct tile_product p = product_of(&sample, ROWS, COLUMNS, DEPTH, true);
    multiply_walk(&p);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t c = 0; c < COLUMNS; c++) {
            float sum = before.C[r * LDC + c];
            for (int64_t tile = 0; tile < DEPTH; tile++)
                sum += sum_of_tile(&before, r, c, tile);
            assert_memory_equal(&sum, &sample.C[r * LDC + c], sizeof sum);
        }
}

/* The product, `depth` tiles along K and `side` rows and columns of C at a time. */
static void multiply_in_blocks(const struct tile_product *whole, int64_t depth, int64_t side)
{
    for (int64_t k = 0; k < whole->depth; k += depth)
        for (int64_t row = 0; row < whole->rows; row += side)
            for (int64_t column = 0; column < whole->columns; column += side) {
                struct tile_product block = *whole;
                block.A =
                    (const char *)whole->A + (row / TILE_SIDE * whole->A_stride + k) * TILE_BYTES;
                block.B = (const char *)whole->B +
                          (column / TILE_SIDE * whole->B_stride + k) * TILE_BYTES;
                block.C += row * whole->ldc + column;
                block.rows = whole->rows - row < side ? whole->rows - row : side;
                block.columns = whole->columns - column < side ? whole->columns - column : side;
                block.depth = whole->depth - k < depth ? whole->depth - k : depth;
                block.add = whole->add || k > 0;
                multiply_walk(&block);
            }
}

static void bits_depend_neither_on_how_much_is_packed_nor_on_blocks(void **state)
{
    (void)state;
    enum { ROWS = 77, COLUMNS = 66 };
    static const int64_t depths[] = { 1, 2, 3, 8, MOST_DEPTH };
    static const int64_t sides[] = { 16, 32, 48, MOST };
    static struct sample once;
    fill_sample(&once, true);
    struct tile_product p = product_of(&once, ROWS, COLUMNS, MOST_DEPTH, false);
    multiply_walk(&p);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (size_t s = 0; s < sizeof sides / sizeof *sides; s++) {
            fill_sample(&sample, true);
            p.A = sample.A;
            p.B = sample.B;
            p.C = sample.C;
            multiply_in_blocks(&p, depths[d], sides[s]);
            assert_memory_equal(&sample, &once, sizeof once);
        }
}

static void the_instructions_do_what_the_emulation_does(void **state)
{
    (void)state;
    struct kernels amx;
    if (!kernel_set_runs_here("amx"))
        skip();
    assert_int_equal(kernels_open(&amx, "amx", 1), STATUS_OK);
    static struct sample emulated;
    for (int i = 0; i < 60; i++) {
        struct tile_product p =
            product_of(&emulated, 1 + 37 * i % MOST, 1 + 53 * i % MOST, 1 + i % 9, i / 2 % 2);
        if (i % 10 == 9) /* multiply_shallow's */
            p.rows = 48, p.columns = 32, p.depth = 2, p.add = false;
        fill_sample(&emulated, i % 2);
        sample = emulated;
        multiply_walk(&p);
        p.C = sample.C;
        amx.tiles[ELEMENT_BF16].multiply(&p);
        assert_memory_equal(&sample, &emulated, sizeof sample);
    }
    kernels_close(&amx);
}

static void without_the_instructions_the_set_is_bad_input_that_names_those_that_run(void **state)
{
    (void)state;
    struct kernels amx;
    if (kernel_set_runs_here("amx"))
        skip();
    assert_int_equal(kernels_open(&amx, "amx", 1), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'amx'"));
    assert_non_null(strstr(status_message(), "auto, reference"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_near_the_sum_in_double_and_touches_nothing_else),
        cmocka_unit_test(shallow_products_are_near_the_sum_in_double_and_touch_nothing_else),
        cmocka_unit_test(an_element_is_one_chain_over_the_tiles),
        cmocka_unit_test(bits_depend_neither_on_how_much_is_packed_nor_on_blocks),
        cmocka_unit_test(the_instructions_do_what_the_emulation_does),
        cmocka_unit_test(without_the_instructions_the_set_is_bad_input_that_names_those_that_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
