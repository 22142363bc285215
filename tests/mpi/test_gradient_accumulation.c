/* ranks: 1 2 */
#include <math.h>
#include <string.h>

#include "tests/mpi/mpi_test.h"
#include "tests/mpi/training_sample.h"
#include "trainer/training/train_step.h"

/* How a global batch of 8 sequences is cut, into leaves and these into micro-batches, defines the
 * order of its sums (docs/same-bits.md), not what they mean. */

enum { STEPS = 5 };

struct course {
    double loss[STEPS], gradient_norm[STEPS];
};

static struct course train(struct training_sample *sample, const char *leaves,
                           const char *leaf_sequences, const char *micro_batch)
{
    struct trainer trainer;
    struct course course;
    training_sample_set(sample, "micro_batch", "1"); /* divides whatever comes */
    training_sample_set(sample, "leaves", leaves);
    training_sample_set(sample, "leaf_sequences", leaf_sequences);
    training_sample_set(sample, "micro_batch", micro_batch);
    training_sample_open(sample, &trainer);
    for (int step = 0; step < STEPS; step++) {
        const struct step_report report = training_must_step(&trainer);
        assert_int_equal(report.targets, 8 * 16);
        course.loss[step] = report.loss;
        course.gradient_norm[step] = report.gradient_norm;
    }
    trainer_close(&trainer);
    return course;
}

static double relative_error(double value, double expected)
{
    return fabs(value - expected) / fabs(expected);
}

static void assert_same_course(const struct course *course, const struct course *expected)
{
    const double loss_tolerance = 1e-6; /* observed: 1e-9 */
    const double norm_tolerance = 1e-6; /* observed: 2e-8 */
    for (int step = 0; step < STEPS; step++) {
        double loss_error = relative_error(course->loss[step], expected->loss[step]);
        double norm_error =
            relative_error(course->gradient_norm[step], expected->gradient_norm[step]);
        if (loss_error > loss_tolerance || norm_error > norm_tolerance)
            fail_msg("step %d: relative errors %g of the loss, %g of the norm", step, loss_error,
                     norm_error);
    }
}

static void micro_batches_of_any_size_train_alike(void **state)
{
    struct course whole = train(*state, "2", "4", "4");
    struct course halves = train(*state, "2", "4", "2");
    struct course singles = train(*state, "2", "4", "1");
    assert_same_course(&halves, &whole);
    assert_same_course(&singles, &whole);
}

static void leaves_of_any_size_train_alike(void **state)
{
    struct course two = train(*state, "2", "4", "4");
    struct course eight = train(*state, "8", "1", "1");
    struct course one = train(*state, "1", "8", "2");
    assert_same_course(&eight, &two);
    assert_same_course(&one, &two);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, training_sample_setup, training_sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(micro_batches_of_any_size_train_alike),
        TEST(leaves_of_any_size_train_alike),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
