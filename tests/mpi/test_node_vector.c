/* ranks: 1 2 3 5 8 */
#include "comm/node_vector.h"

#include "tests/mpi/node_layouts.h"

static float value_at(int64_t step, int64_t i)
{
    return (float)((i * 7 + step * 1001) % 65521);
}

static void write_own_slice(const struct world *world, struct node_vector *vector, int64_t count,
                            int64_t step)
{
    for (int64_t i = 0; i < count; i++)
        if (test_owns(world, count, i))
            node_vector_values(vector)[i] = value_at(step, i);
}

static void check_whole(const struct node_vector *vector, int64_t count, int64_t step,
                        enum node_layout layout)
{
    const float *values = node_vector_values(vector);
    for (int64_t i = 0; i < count; i++)
        if (values[i] != value_at(step, i))
            fail_msg("%s, rank %d of %d: element %ld of %ld is %g, not %g",
                     node_layout_names[layout], test_world.rank, test_world.size, (long)i,
                     (long)count, (double)values[i], (double)value_at(step, i));
}

static void every_copy_is_whole_after_every_gather(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 1025, 65536, 65537, 2000003, 9000001 };
    for (int layout = 0; layout < LAYOUTS; layout++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct world world = node_layout_open((enum node_layout)layout);
            struct node_vector *vector = node_vector_create(&world, counts[c]);
            for (int64_t step = 0; step < 3; step++) {
                write_own_slice(&world, vector, counts[c], step);
                node_vector_gather(vector);
                check_whole(vector, counts[c], step, (enum node_layout)layout);
                world_barrier(&world); /* all have read */
            }
            node_vector_free(vector);
            node_layout_close(&world);
        }
}

static void ranks_of_a_node_hold_one_copy(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct node_vector *vector = node_vector_create(&test_world, COUNT);
    if (test_world.node_rank == 0)
        node_vector_values(vector)[COUNT - 1] = 42;
    node_vector_publish(vector);
    assert_true(node_vector_values(vector)[COUNT - 1] == 42);
    node_vector_free(vector);
}

static void shares_of_a_copy_add_up_to_it(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 1024, 1025, 123456789 };
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int size = 1; size < 9; size++) {
            size_t sum = 0, bytes = (size_t)counts[c] * sizeof(float);
            for (int rank = 0; rank < size; rank++)
                sum += node_vector_bytes(counts[c], rank, size);
            assert_true(sum >= bytes && sum < bytes + 4096);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_copy_is_whole_after_every_gather),
        cmocka_unit_test(ranks_of_a_node_hold_one_copy),
        cmocka_unit_test(shares_of_a_copy_add_up_to_it),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
