#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/float_hash.h"
#include "base/memory.h"

enum { COUNT = 100001 };

static float values[COUNT];

static int fill_values(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)(i % 1000) / 8 - 50;
    return 0;
}

static uint64_t hash_of(const float *vector, int64_t count)
{
    const struct float_part whole = { 0, count };
    struct thread_pool *pool = thread_pool_create(1);
    uint64_t hash;
    float_hash_parts(pool, vector, &whole, 1, &hash);
    thread_pool_free(pool);
    return hash;
}

/* From the header's description, written down a second time in another language. */
static void known_values_come_out_on_any_number_of_threads(void **state)
{
    static const struct {
        struct float_part part;
        uint64_t hash;
    } known[] = {
        { { 0, 0 }, UINT64_C(0x0000000000000000) },
        { { 0, 1 }, UINT64_C(0x5dac8f694e9848c4) },
        { { 0, 2 }, UINT64_C(0x1a90fe831be71343) },
        { { 1, 18 }, UINT64_C(0xdc3ca80886b08de7) },
        { { 3, 32771 }, UINT64_C(0x3d67af26a2db4054) },
        { { 5, 32774 }, UINT64_C(0x3ddab9cedcc408d4) },
        { { 0, COUNT }, UINT64_C(0x1464e1576536b0e2) },
    };
    enum { PARTS = sizeof known / sizeof known[0] };
    struct float_part parts[PARTS];
    (void)state;
    for (int i = 0; i < PARTS; i++)
        parts[i] = known[i].part;
    for (int threads = 1; threads <= 7; threads++) {
        struct thread_pool *pool = thread_pool_create(threads);
        uint64_t hashes[PARTS];
        float_hash_parts(pool, values, parts, PARTS, hashes);
        for (int i = 0; i < PARTS; i++)
            assert_int_equal(hashes[i], known[i].hash);
        thread_pool_free(pool);
    }
    const uint64_t two[] = { known[1].hash, known[3].hash };
    assert_int_equal(float_hash_join(two, 2), UINT64_C(0x10322213ebe42922));
    assert_int_equal(float_hash_join(NULL, 0), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void flip(float *vector, int64_t bit)
{
    uint32_t bits;
    memcpy(&bits, &vector[bit / 32], sizeof bits);
    bits ^= UINT32_C(1) << bit % 32;
    memcpy(&vector[bit / 32], &bits, sizeof bits);
}

static void each_bit_and_each_pair_of_signs_counts(void **state)
{
    enum { FEW = 67 };
    float vector[FEW];
    (void)state;
    memcpy(vector, values, sizeof vector);
    const uint64_t before = hash_of(vector, FEW);
    for (int64_t bit = 0; bit < 32 * FEW; bit++) {
        flip(vector, bit);
        assert_int_not_equal(hash_of(vector, FEW), before);
        flip(vector, bit);
    }
    for (int64_t i = 0; i < FEW; i++)
        for (int64_t j = 0; j < i; j++) {
            flip(vector, 32 * i + 31);
            flip(vector, 32 * j + 31);
            assert_int_not_equal(hash_of(vector, FEW), before);
            flip(vector, 32 * i + 31);
            flip(vector, 32 * j + 31);
        }
    assert_int_equal(hash_of(vector, FEW), before);
}

static void order_and_length_count(void **state)
{
    float vector[64] = { 0 };
    (void)state;
    for (int64_t count = 1; count < 64; count++)
        assert_int_not_equal(hash_of(vector, count), hash_of(vector, count - 1));
    for (int i = 1; i < 64; i++) {
        vector[i - 1] = 0;
        vector[i] = 1;
        const uint64_t here = hash_of(vector, 64);
        vector[i] = 0;
        vector[i - 1] = 1;
        assert_int_not_equal(hash_of(vector, 64), here);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_come_out_on_any_number_of_threads),
        cmocka_unit_test(each_bit_and_each_pair_of_signs_counts),
        cmocka_unit_test(order_and_length_count),
    };
    return cmocka_run_group_tests(tests, fill_values, NULL);
}
