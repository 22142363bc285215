/* ranks: 1 2 3 5 8 */
#include "base/memory.h"
#include "comm/loan.h"
#include "comm/slice.h"
#include "comm/transfer.h"
#include "tests/mpi/mpi_test.h"

enum { RANGES = 12 };

static float element(int64_t i)
{
    return (float)(test_bits(1, (uint64_t)i) >> 40);
}

/* Adjacent ranges of growing length over all of the vector, each lent to another rank; with NULL
 * it only counts. */
static int64_t list_ranges(int64_t count, struct loan *loans)
{
    int64_t listed = 0;
    for (int64_t i = 0; i < RANGES; i++)
        listed +=
            loans_of_range(&test_world, count, count * i * i / (RANGES * RANGES),
                           count * (i + 1) * (i + 1) / (RANGES * RANGES),
                           (int)((i * 7 + 1) % test_world.size), loans ? loans + listed : NULL);
    return listed;
}

static void expect_values(const float *vector, int64_t begin, int64_t end, float factor)
{
    for (int64_t i = begin; i < end; i++)
        if (vector[i] != factor * element(i))
            fail_msg("element %ld is wrong on rank %d", (long)i, test_world.rank);
}

/* Owners write x, borrowers double what they see, and owners see 2 x again. */
static void check_there_and_back(int64_t count)
{
    struct loan *loans = memory_alloc_zeroed((size_t)list_ranges(count, NULL), sizeof(struct loan));
    int64_t listed = list_ranges(count, loans);
    float *vector = memory_alloc_zeroed((size_t)count, sizeof *vector);
    for (int64_t i = 0; i < count; i++)
        if (test_owns(&test_world, count, i))
            vector[i] = element(i);

    loans_give(&test_world, vector, loans, listed);
    for (const struct loan *loan = loans; loan < loans + listed; loan++)
        if (loan->borrower == test_world.rank) {
            expect_values(vector, loan->begin, loan->end, 1);
            for (int64_t i = loan->begin; i < loan->end; i++)
                vector[i] *= 2;
        }
    loans_return(&test_world, vector, loans, listed);

    for (const struct loan *loan = loans; loan < loans + listed; loan++)
        if (loan->owner == test_world.rank)
            expect_values(vector, loan->begin, loan->end, 2);
    memory_free(vector);
    memory_free(loans);
}

static void what_is_lent_arrives_and_comes_back_changed(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 65536, 65537, 1000003 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_there_and_back(counts[i]);
}

static void loans_beyond_one_message_are_cut(void **state)
{
    (void)state;
    check_there_and_back(7 * TRANSFER_MESSAGE_BYTES / (int64_t)sizeof(float) + 4321);
}

static void a_range_is_lent_once_and_by_its_owners(void **state)
{
    (void)state;
    const int64_t count = 1000003, begin = 77777, end = 700001;
    const int borrower = test_world.size / 2;
    const struct slicing slicing = slicing_of(count, test_world.size);
    const int64_t listed = loans_of_range(&test_world, count, begin, end, borrower, NULL);
    struct loan *loans = memory_alloc_zeroed((size_t)listed, sizeof *loans);
    assert_int_equal(loans_of_range(&test_world, count, begin, end, borrower, loans), listed);
    int64_t lent = 0, kept = 0;
    for (int64_t i = 0; i < listed; i++) {
        assert_true(loans[i].owner != borrower && loans[i].borrower == borrower);
        for (int64_t at = loans[i].begin; at < loans[i].end; at++)
            assert_int_equal(slicing_owner(&slicing, at), loans[i].owner);
        assert_true(i == 0 || loans[i - 1].end <= loans[i].begin);
        lent += loans[i].end - loans[i].begin;
    }
    for (int64_t at = begin; at < end; at++)
        kept += slicing_owner(&slicing, at) == borrower;
    assert_int_equal(lent + kept, end - begin);
    memory_free(loans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lent_arrives_and_comes_back_changed),
        cmocka_unit_test(loans_beyond_one_message_are_cut),
        cmocka_unit_test(a_range_is_lent_once_and_by_its_owners),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
