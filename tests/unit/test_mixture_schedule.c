#include "shards/reading/mixture_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "shards/reading/batch_schedule.h"

static const struct mixture_schedule three = {
    .seed = 3, .count = 3, .weights = { 5, 3, 2 }, .samples = { 1000, 77, 5000 }
};

static void one_corpus_has_its_own_schedule(void **state)
{
    (void)state;
    const struct mixture_schedule one = {
        .seed = 42, .count = 1, .weights = { 1 }, .samples = { 10000 }
    };
    static const int64_t slots[] = { 0, 1, 2, 4095, 4096, 9999, 10000, 123456789 };
    static const int64_t expected[] = { 6416, 9267, 7690, 5024, 6780, 4624, 9482, 3926 };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        const struct mixture_place place = mixture_schedule_place(&one, slots[i]);
        assert_int_equal(place.part, 0);
        assert_int_equal(place.slot, slots[i]);
        assert_int_equal(place.sample, expected[i]);
    }
}

/* Each corpus' own slots 0, 1, 2, ... are each met once, and none is left out for long. */
static void every_corpus_counts_its_own_slots_without_a_gap(void **state)
{
    (void)state;
    enum { BLOCKS = 40, SLOTS = BLOCKS * MIXTURE_BLOCK };
    int64_t counts[3] = { 0 };
    unsigned char *seen = memory_alloc_zeroed(3 * SLOTS, 1);
    for (int64_t slot = 0; slot < SLOTS; slot++) {
        const struct mixture_place place = mixture_schedule_place(&three, slot);
        assert_in_range(place.slot, 0, SLOTS - 1);
        assert_int_equal(seen[place.part * SLOTS + place.slot]++, 0);
        counts[place.part]++;
        if ((slot + 1) % MIXTURE_BLOCK != 0)
            continue;
        for (int part = 0; part < 3; part++) { /* exact up to rounding, and without a gap */
            const double share = (double)three.weights[part] / 10 * (double)(slot + 1);
            assert_true((double)counts[part] > share - 2 && (double)counts[part] < share + 2);
            for (int64_t own = 0; own < counts[part]; own++)
                assert_int_equal(seen[part * SLOTS + own], 1);
        }
    }
    memory_free(seen);
}

static void every_corpus_goes_through_its_own_epochs(void **state)
{
    (void)state;
    enum { SLOTS = 20480 };
    for (int64_t slot = 0; slot < SLOTS; slot++) {
        const struct mixture_place place = mixture_schedule_place(&three, slot);
        const struct batch_schedule own = { three.seed, three.samples[place.part] };
        assert_int_equal(place.sample, batch_schedule_sample(&own, place.slot));
    }
}

/* Slots at a fixed place of each step must not always draw from the same corpus. */
static void a_place_of_the_batch_sees_all_corpora(void **state)
{
    (void)state;
    const struct mixture_schedule even = {
        .seed = 1, .count = 2, .weights = { 1, 1 }, .samples = { 100, 100 }
    };
    int64_t first = 0;
    for (int64_t step = 0; step < 1000; step++)
        first += mixture_schedule_place(&even, 2 * step).part == 0;
    assert_in_range(first, 400, 600);
}

static void far_slots_are_found_as_near_ones(void **state)
{
    (void)state;
    const struct mixture_schedule uneven = { .seed = 9,
                                             .count = 3,
                                             .weights = { 1, 999999999999, 700000 },
                                             .samples = { 10, INT64_C(1) << 50, 12345 } };
    for (int64_t slot = INT64_C(4000000000000000000); slot < INT64_C(4000000000000002000); slot++) {
        const struct mixture_place place = mixture_schedule_place(&uneven, slot);
        assert_in_range(place.part, 0, 2);
        assert_true(place.slot >= 0 && place.slot <= slot);
        assert_true(place.sample >= 0 && place.sample < uneven.samples[place.part]);
    }
}

/* A mixture's order is part of a run's bits: computed apart from the text of docs/shard-format.md
 * (tests/golden/mixture_schedule.py), these values may never change. */
static void a_walk_over_any_slots_finds_the_same_places(void **state)
{
    (void)state;
    static struct mixture_walk walk;
    for (int64_t i = 0; i < 20000; i++) {
        const int64_t slot = i % 5 == 0 ? i * 7919 % 100000 : i; /* on, with jumps ahead and back */
        const struct mixture_place found = mixture_walk_place(&walk, &three, slot);
        const struct mixture_place expected = mixture_schedule_place(&three, slot);
        assert_int_equal(found.part, expected.part);
        assert_int_equal(found.slot, expected.slot);
        assert_int_equal(found.sample, expected.sample);
    }
}

static void the_sequence_is_that_of_the_specification(void **state)
{
    (void)state;
    static const int64_t slots[] = { 0, 1, 2, 3, 1023, 1024, 99999, 123456789 };
    static const struct mixture_place expected[] = { { 0, 466, 330 },   { 0, 241, 545 },
                                                     { 0, 373, 390 },   { 2, 143, 614 },
                                                     { 2, 163, 4118 },  { 0, 676, 335 },
                                                     { 0, 49808, 435 }, { 1, 37037227, 32 } };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        const struct mixture_place place = mixture_schedule_place(&three, slots[i]);
        assert_int_equal(place.part, expected[i].part);
        assert_int_equal(place.slot, expected[i].slot);
        assert_int_equal(place.sample, expected[i].sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_corpus_has_its_own_schedule),
        cmocka_unit_test(every_corpus_counts_its_own_slots_without_a_gap),
        cmocka_unit_test(every_corpus_goes_through_its_own_epochs),
        cmocka_unit_test(a_place_of_the_batch_sees_all_corpora),
        cmocka_unit_test(far_slots_are_found_as_near_ones),
        cmocka_unit_test(a_walk_over_any_slots_finds_the_same_places),
        cmocka_unit_test(the_sequence_is_that_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
