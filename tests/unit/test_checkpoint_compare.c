#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_compare.h"
#include "tests/unit/checkpoint_sample.h"

enum { MOST = 4, ELEMENTS = 6 };

static struct world world;
static const struct checkpoint_way way; /* the simplest */

/* A checkpoint of vectors (cols == 0) and matrices of ELEMENTS each. */
struct small_tensor {
    const char *name;
    int64_t rows, cols;
    float values[ELEMENTS];
};

static struct checkpoint *save(const char *run, int64_t step, const struct small_tensor *tensors,
                               int count)
{
    static const struct slice whole = { 0, ELEMENTS };
    static const char state[] = "{\"digested\": {}}";
    struct tensor_part parts[MOST];
    struct checkpoint_writer *writer;
    struct checkpoint *checkpoint;
    for (int i = 0; i < count; i++)
        parts[i] =
            (struct tensor_part){ tensors[i].name,  tensors[i].rows, tensors[i].cols, &whole, 1,
                                  tensors[i].values };
    assert_int_equal(checkpoint_writer_begin(&world, &way, run, step, &writer), STATUS_OK);
    checkpoint_writer_add_tensors(writer, "model.safetensors", parts, count);
    checkpoint_writer_add_text(writer, CHECKPOINT_STATE_NAME, state, strlen(state));
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_OK);

    char *folder = sample_path(run, step, NULL);
    assert_int_equal(checkpoint_open(folder, &checkpoint), STATUS_OK);
    memory_free(folder);
    return checkpoint;
}

struct told {
    struct tensor_comparison list[2 * MOST];
    char names[2 * MOST][16];
    int count;
};

static void keep(void *context, const struct tensor_comparison *found)
{
    struct told *told = context;
    strncpy(told->names[told->count], found->name, sizeof told->names[0] - 1);
    told->list[told->count++] = *found;
}

static struct told compare(const struct small_tensor *first, int first_count,
                           const struct small_tensor *second, int second_count)
{
    struct told told = { .count = 0 };
    char *run = sample_new_run();
    struct checkpoint *a = save(run, 1, first, first_count),
                      *b = save(run, 2, second, second_count);
    assert_int_equal(checkpoint_compare(a, b, keep, &told), STATUS_OK);
    checkpoint_close(a);
    checkpoint_close(b);
    assert_int_equal(folder_remove(run), STATUS_OK);
    memory_free(run);
    return told;
}

static void equal_values_are_the_same(void **state)
{
    (void)state;
    static const struct small_tensor one = { "a", 2, 3, { 1, -2, 3, NAN, INFINITY, 0 } };
    const struct told told = compare(&one, 1, &one, 1);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.list[0].verdict, TENSOR_SAME);
    assert_int_equal(told.list[0].different, 0);
}

static void a_difference_is_told_with_its_size(void **state)
{
    (void)state;
    static const struct small_tensor first = { "a", 6, 0, { 1, 2, 3, 4, 5, 5 } };
    static const struct small_tensor second = { "a", 6, 0, { 1, 2, 0, 4, 9, 5 } };
    const struct told told = compare(&first, 1, &second, 1);
    assert_int_equal(told.list[0].verdict, TENSOR_DIFFERS);
    assert_int_equal(told.list[0].different, 2);
    assert_true(told.list[0].largest == 4);
    assert_true(told.list[0].distance == sqrt(25.0 / 6));
    assert_true(told.list[0].root_mean_square == sqrt(80.0 / 6));
}

static void zeros_of_both_signs_differ_by_nothing(void **state)
{
    (void)state;
    static const struct small_tensor first = { "a", 6, 0, { 0.0f } };
    static const struct small_tensor second = { "a", 6, 0, { -0.0f } };
    const struct told told = compare(&first, 1, &second, 1);
    assert_int_equal(told.list[0].verdict, TENSOR_DIFFERS);
    assert_int_equal(told.list[0].different, 1);
    assert_true(told.list[0].largest == 0);
}

static void what_is_not_finite_is_counted_apart(void **state)
{
    (void)state;
    static const struct small_tensor first = { "a", 6, 0, { NAN, 1, 2, INFINITY, 0, 0 } };
    static const struct small_tensor second = { "a", 6, 0, { 1, NAN, 4, INFINITY, 0, 0 } };
    const struct told told = compare(&first, 1, &second, 1);
    assert_int_equal(told.list[0].different, 3);
    assert_int_equal(told.list[0].not_finite, 2);
    assert_true(told.list[0].largest == 2);
}

static void tensors_of_one_side_and_other_shapes_are_named_in_order(void **state)
{
    (void)state;
    static const struct small_tensor first[] = { { "c", 2, 3, { 1 } },
                                                 { "a", 6, 0, { 1 } },
                                                 { "d", 6, 0, { 1 } } };
    static const struct small_tensor second[] = { { "d", 6, 0, { 1 } },
                                                  { "c", 3, 2, { 1 } },
                                                  { "b", 6, 0, { 1 } } };
    static const enum tensor_verdict expected[] = { TENSOR_OF_FIRST, TENSOR_OF_SECOND,
                                                    TENSOR_RESHAPED, TENSOR_SAME };
    const struct told told = compare(first, 3, second, 3);
    assert_int_equal(told.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(told.names[i][0], 'a' + i);
        assert_int_equal(told.list[i].verdict, expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_are_the_same),
        cmocka_unit_test(a_difference_is_told_with_its_size),
        cmocka_unit_test(zeros_of_both_signs_differ_by_nothing),
        cmocka_unit_test(what_is_not_finite_is_counted_apart),
        cmocka_unit_test(tensors_of_one_side_and_other_shapes_are_named_in_order),
    };
    if (world_init(&world) != STATUS_OK)
        fail_msg("%s", status_message());
    int failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
    world_finalize(&world);
    return failed_tests;
}
