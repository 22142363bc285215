#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "trainer/reports/loss_curve.h"

static enum status read_metrics(const char *text, struct loss_curve *curve)
{
    assert_int_equal(folder_create("run"), STATUS_OK);
    assert_int_equal(file_replace("run/metrics.jsonl", text, strlen(text)), STATUS_OK);
    return loss_curve_read("run", curve);
}

static void records_are_sorted_into_training_and_held_out(void **state)
{
    (void)state;
    struct loss_curve curve;
    assert_int_equal(read_metrics("{\"step\":1,\"loss\":4.0}\n{\"step\":2,\"loss\":null}\n"
                                  "{\"step\":2,\"validation_loss\":3.0,"
                                  "\"validation_bits_per_byte\":1.5}\n{\"step\":3,\"loss\":2.0}\n",
                                  &curve),
                     STATUS_OK);
    assert_int_equal(curve.training.count, 2);
    assert_int_equal(curve.training.points[1].step, 3);
    assert_int_equal(curve.heldout.count, 1);
    assert_true(curve.heldout.points[0].bits_per_byte == 1.5);
    loss_curve_release(&curve);
}

static void a_half_written_last_line_is_left_out(void **state)
{
    (void)state;
    struct loss_curve curve;
    assert_int_equal(read_metrics("{\"step\":1,\"loss\":4.0}\n{\"step\":2,\"lo", &curve),
                     STATUS_OK);
    assert_int_equal(curve.training.count, 1);
    loss_curve_release(&curve);
}

static void a_damaged_line_is_refused_with_its_number(void **state)
{
    (void)state;
    struct loss_curve curve;
    assert_int_equal(read_metrics("{\"step\":1,\"loss\":4.0}\n[1]\n", &curve), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "metrics.jsonl:2"));
    assert_int_equal(read_metrics("{\"loss\":4.0}\n", &curve), STATUS_BAD_INPUT);
    assert_int_equal(read_metrics("", &curve), STATUS_BAD_INPUT);
}

static void the_picture_falls_from_the_left_to_the_right(void **state)
{
    (void)state;
    struct loss_curve curve;
    struct strbuf picture = STRBUF_INIT;
    assert_int_equal(read_metrics("{\"step\":1,\"loss\":4.0}\n{\"step\":11,\"loss\":3.0}\n"
                                  "{\"step\":21,\"loss\":2.0}\n{\"step\":21,"
                                  "\"validation_loss\":3.0,\"validation_bits_per_byte\":1.0}\n",
                                  &curve),
                     STATUS_OK);
    loss_curve_draw(&curve, 21, 3, &picture);
    assert_string_equal(picture.bytes, "   4.000 |o\n"
                                       "         |          o         x\n"
                                       "   2.000 |                    o\n"
                                       "         +---------------------\n"
                                       "          step 1             21\n");
    strbuf_release(&picture);
    loss_curve_release(&curve);
}

static void one_loss_alone_is_drawn(void **state)
{
    (void)state;
    struct loss_curve curve;
    struct strbuf picture = STRBUF_INIT;
    assert_int_equal(read_metrics("{\"step\":7,\"loss\":4.0}\n", &curve), STATUS_OK);
    loss_curve_draw(&curve, 16, 4, &picture);
    assert_non_null(strstr(picture.bytes, "|o\n"));
    strbuf_release(&picture);
    loss_curve_release(&curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_sorted_into_training_and_held_out),
        cmocka_unit_test(a_half_written_last_line_is_left_out),
        cmocka_unit_test(a_damaged_line_is_refused_with_its_number),
        cmocka_unit_test(the_picture_falls_from_the_left_to_the_right),
        cmocka_unit_test(one_loss_alone_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
