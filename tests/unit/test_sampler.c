#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trainer/generation/sampler.h"

enum { VOCABULARY = 5, DRAWS = 20000 };
/* Probabilities 0.1, 0.4, 0.2, 0.2, 0.1 at temperature 1. */
static const real logits[VOCABULARY] = { -2.3025851f, -0.9162907f, -1.6094379f, -1.6094379f,
                                         -2.3025851f };

static void count_draws(const struct sampler_settings *settings, int counts[VOCABULARY])
{
    struct sampler *sampler = sampler_create(settings, VOCABULARY);
    for (int i = 0; i < VOCABULARY; i++)
        counts[i] = 0;
    for (int64_t position = 0; position < DRAWS; position++)
        counts[sampler_draw(sampler, logits, 0, position)]++;
    sampler_free(sampler);
}

static void temperature_zero_takes_the_most_probable(void **state)
{
    (void)state;
    int counts[VOCABULARY];
    count_draws(&(struct sampler_settings){ 0.0, 0, 1.0, 1 }, counts);
    assert_int_equal(counts[1], DRAWS);
}

static void draws_follow_the_probabilities(void **state)
{
    (void)state;
    static const double expected[VOCABULARY] = { 0.1, 0.4, 0.2, 0.2, 0.1 };
    int counts[VOCABULARY];
    count_draws(&(struct sampler_settings){ 1.0, 0, 1.0, 1 }, counts);
    for (int i = 0; i < VOCABULARY; i++) { /* four standard deviations are 0.014 */
        double share = (double)counts[i] / DRAWS;
        assert_true(share > expected[i] - 0.014 && share < expected[i] + 0.014);
    }
}

static void top_k_keeps_the_largest_and_the_lower_id_of_equals(void **state)
{
    (void)state;
    int counts[VOCABULARY];
    count_draws(&(struct sampler_settings){ 1.0, 2, 1.0, 1 }, counts);
    assert_int_equal(counts[1] + counts[2], DRAWS);
    assert_true(counts[1] > counts[2]);
}

static void top_p_keeps_the_smallest_set_that_reaches_it(void **state)
{
    (void)state;
    int counts[VOCABULARY];
    count_draws(&(struct sampler_settings){ 1.0, 0, 0.7, 1 }, counts);
    assert_int_equal(counts[1] + counts[2] + counts[3], DRAWS);
    assert_true(counts[3] > 0);
}

static void a_draw_is_a_function_of_seed_sample_and_position(void **state)
{
    (void)state;
    struct sampler_settings settings = { 1.0, 0, 1.0, 1 };
    struct sampler *one = sampler_create(&settings, VOCABULARY);
    struct sampler *other = sampler_create(&settings, VOCABULARY);
    int differ = 0;
    for (int64_t position = 99; position >= 0; position--)
        sampler_draw(other, logits, 0, position);
    for (int64_t position = 0; position < 100; position++) {
        int32_t token = sampler_draw(one, logits, 0, position);
        assert_int_equal(token, sampler_draw(other, logits, 0, position));
        differ += token != sampler_draw(one, logits, 1, position);
    }
    assert_true(differ > 20);
    sampler_free(one);
    sampler_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_zero_takes_the_most_probable),
        cmocka_unit_test(draws_follow_the_probabilities),
        cmocka_unit_test(top_k_keeps_the_largest_and_the_lower_id_of_equals),
        cmocka_unit_test(top_p_keeps_the_smallest_set_that_reaches_it),
        cmocka_unit_test(a_draw_is_a_function_of_seed_sample_and_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
