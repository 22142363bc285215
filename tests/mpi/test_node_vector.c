/* ranks: 1 2 3 5 8 */
#include "comm/node_vector.h"

#include "comm/background.h"
#include "comm/topology.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/tree_oracle.h"

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
                node_vector_gather(vector, WIRE_FP32);
                check_whole(vector, counts[c], step, (enum node_layout)layout);
                world_barrier(&world); /* all have read */
            }
            node_vector_free(vector);
            node_layout_close(&world);
        }
}

/* As a forward pass: what comes first is read first, while the rest is on its way. */
static void a_copy_is_whole_up_to_where_it_is_asked_for(void **state)
{
    (void)state;
    const int64_t count = 3000001;
    struct background *background = background_start();
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct world world = node_layout_open((enum node_layout)layout);
        struct node_vector *vector = node_vector_create(&world, count);
        for (int64_t step = 0; step < 3; step++) {
            write_own_slice(&world, vector, count, step);
            node_vector_start(vector, background, WIRE_FP32);
            for (int64_t end = 0; end < count; end += 300007) {
                node_vector_until(vector, end);
                check_whole(vector, end, step, (enum node_layout)layout);
            }
            node_vector_finish(vector);
            check_whole(vector, count, step, (enum node_layout)layout);
            world_barrier(&world);
        }
        node_vector_free(vector);
        node_layout_close(&world);
    }
    background_stop(background);
}

static bool is_of_own_node(const struct world *world, const struct slicing *slicing, int64_t i)
{
    const struct topology *t = world->topology;
    return t->node_of[slicing_owner(slicing, i)] == t->node;
}

static void spans_that_travel_as_bf16_are_rounded_where_they_arrive(void **state)
{
    (void)state;
    const int64_t count = 1000003;
    const struct slice spans[] = { { 1, 70001 }, { 70003, 70004 }, { 200001, 900000 } };
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct world world = node_layout_open((enum node_layout)layout);
        const struct slicing slicing = slicing_of(count, world.size);
        struct node_vector *vector = node_vector_create(&world, count);
        node_vector_pack(vector, spans, 3);
        write_own_slice(&world, vector, count, 1);
        node_vector_publish(vector);
        node_vector_gather(vector, WIRE_BF16);
        for (int64_t i = 0, span = 0; i < count; i++) {
            while (span < 3 && i >= spans[span].end)
                span++;
            const bool is_rounded =
                span < 3 && i >= spans[span].begin && !is_of_own_node(&world, &slicing, i);
            const float value = value_at(1, i);
            const float expected = is_rounded ? tree_oracle_rounded(value) : value;
            if (node_vector_values(vector)[i] != expected)
                fail_msg("%s: element %ld is %g, not %g", node_layout_names[layout], (long)i,
                         (double)node_vector_values(vector)[i], (double)expected);
        }
        world_barrier(&world);
        node_vector_gather(vector, WIRE_FP32); /* brings back what was rounded */
        check_whole(vector, count, 1, (enum node_layout)layout);
        world_barrier(&world);
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
        cmocka_unit_test(a_copy_is_whole_up_to_where_it_is_asked_for),
        cmocka_unit_test(spans_that_travel_as_bf16_are_rounded_where_they_arrive),
        cmocka_unit_test(ranks_of_a_node_hold_one_copy),
        cmocka_unit_test(shares_of_a_copy_add_up_to_it),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
