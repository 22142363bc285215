/* ranks: 1 2 3 5 8 */
#include <string.h>

#include "base/memory.h"
#include "comm/slice.h"
#include "comm/transfer.h"
#include "tests/mpi/mpi_test.h"

static float element(int64_t i)
{
    return (float)(test_bits(1, (uint64_t)i) >> 40);
}

static void check_gather(int64_t count)
{
    float *vector = memory_alloc_zeroed((size_t)count, sizeof *vector);
    for (int64_t i = 0; i < count; i++)
        if (test_owns(&test_world, count, i))
            vector[i] = element(i);
    test_gather_slices(&test_world, vector, count);
    for (int64_t i = 0; i < count; i++)
        if (vector[i] != element(i))
            fail_msg("element %ld of %ld is wrong on rank %d", (long)i, (long)count,
                     test_world.rank);
    memory_free(vector);
}

static void every_rank_gets_the_whole_vector(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 65535, 65536, 65537, 3 * 65536, 1000003 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_gather(counts[i]);
}

/* At 2 and 3 ranks a slice is longer than one message. */
static void slices_beyond_one_message_are_cut(void **state)
{
    (void)state;
    check_gather(3 * TRANSFER_MESSAGE_BYTES / (int64_t)sizeof(float) + 4321);
}

static void every_rank_gets_all_block_values(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 65536, 65537, 10 * 65536 - 1, 50000 * (int64_t)65536 };
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int64_t blocks = slice_block_count(counts[c]);
        double *values = memory_alloc_zeroed((size_t)blocks, sizeof *values);
        for (int64_t i = 0; i < counts[c]; i += SLICE_BLOCK)
            if (test_owns(&test_world, counts[c], i))
                values[i / SLICE_BLOCK] = (double)(i + 1);
        slice_gather_block_values(&test_world, values, counts[c]);
        for (int64_t block = 0; block < blocks; block++)
            if (values[block] != (double)(block * SLICE_BLOCK + 1))
                fail_msg("block %ld of %ld is wrong", (long)block, (long)blocks);
        memory_free(values);
    }
}

static void a_broadcast_beyond_one_message_is_cut(void **state)
{
    (void)state;
    size_t length = (size_t)TRANSFER_MESSAGE_BYTES + 99;
    unsigned char *bytes = memory_alloc(length);
    int root = test_world.size - 1;
    memset(bytes, test_world.rank == root ? 'r' : '?', length);
    world_broadcast(&test_world, bytes, length, root);
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 'r')
            fail_msg("byte %zu did not arrive", i);
    memory_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_gets_the_whole_vector),
        cmocka_unit_test(slices_beyond_one_message_are_cut),
        cmocka_unit_test(every_rank_gets_all_block_values),
        cmocka_unit_test(a_broadcast_beyond_one_message_is_cut),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
