/* ranks: 2 3 5 8 */
#include <mpi.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "comm/gradient_tree.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/tree_oracle.h"

/* Every rank's delays are its own, so messages come in every order. */
static uint64_t delays_so_far;

static void delay_up_to(uint64_t limit_us)
{
    uint64_t bits = test_bits((uint64_t)test_world.rank + 77, delays_so_far++);
    struct timespec pause = { .tv_nsec = (long)(bits % limit_us * 1000) };
    nanosleep(&pause, NULL);
}

/* MPI's profiling interface: these stand before the library's own. */
int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    delay_up_to(2000);
    return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int MPI_Irecv(void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    delay_up_to(2000);
    return PMPI_Irecv(buffer, count, type, from, tag, comm, request);
}

static void fill_leaf(const void *context, int64_t leaf, float *values, int64_t width)
{
    const uint64_t *seed = context;
    for (int64_t i = 0; i < width; i++)
        values[i] = awkward_float(test_bits(*seed + (uint64_t)leaf, (uint64_t)i));
}

static void delays_do_not_change_the_bits(void **state)
{
    (void)state;
    enum { LEAVES = 9, COUNT = 200003, STEPS = 8 };
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, LEAVES, COUNT);
    float *expected = memory_alloc(COUNT * sizeof *expected);
    struct leaf_range own = leaf_range_of_rank(LEAVES, test_world.rank, test_world.size);
    for (uint64_t seed = 0; seed < STEPS * 100; seed += 100) {
        gradient_tree_begin(tree);
        for (int64_t leaf = own.first; leaf < own.end; leaf++) {
            delay_up_to(50000);
            fill_leaf(&seed, leaf, gradient_tree_leaf(tree, leaf), COUNT);
        }
        delay_up_to(50000);
        gradient_tree_reduce(tree);
        test_gather_slices(&test_world, gradient_tree_sum(tree), COUNT);
        tree_oracle_sum(fill_leaf, &seed, LEAVES, COUNT, false, expected);
        assert_memory_equal(gradient_tree_sum(tree), expected, COUNT * sizeof *expected);
    }
    memory_free(expected);
    gradient_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(delays_do_not_change_the_bits) };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
