#include "shards/reading/batch_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void every_sample_is_seen_once_an_epoch(int64_t samples, int64_t epoch)
{
    const struct batch_schedule schedule = { .seed = 7, .samples = samples };
    unsigned char *seen = memory_alloc_zeroed((size_t)samples, 1);
    for (int64_t place = 0; place < samples; place++) {
        int64_t sample = batch_schedule_sample(&schedule, epoch * samples + place);
        assert_in_range(sample, 0, samples - 1);
        assert_int_equal(seen[sample], 0);
        seen[sample] = 1;
    }
    memory_free(seen);
}

static void small_corpora_are_permuted(void **state)
{
    (void)state;
    for (int64_t samples = 1; samples <= 300; samples++)
        every_sample_is_seen_once_an_epoch(samples, samples % 3);
}

static void corpora_around_a_window_are_permuted(void **state)
{
    (void)state;
    const int64_t window = SCHEDULE_WINDOW * SCHEDULE_BLOCK;
    const int64_t lengths[] = { window - 1, window,          window + 1,
                                5 * window, 5 * window + 63, 7 * window + 64 * 3 + 5 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        every_sample_is_seen_once_an_epoch(lengths[i], 1);
}

static int compare_samples(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* All of a huge corpus is too much: places spread over it must not collide. */
static void a_huge_corpus_repeats_no_sample(void **state)
{
    (void)state;
    enum { PLACES = 1 << 17 };
    const struct batch_schedule schedule = { .seed = 1, .samples = (INT64_C(1) << 52) + 12345 };
    int64_t *samples = memory_alloc(PLACES * sizeof *samples);
    for (int64_t i = 0; i < PLACES; i++) {
        samples[i] = batch_schedule_sample(&schedule, i * (schedule.samples / PLACES));
        assert_true(samples[i] >= 0 && samples[i] < schedule.samples);
    }
    qsort(samples, PLACES, sizeof *samples, compare_samples);
    for (int i = 1; i < PLACES; i++)
        assert_true(samples[i] > samples[i - 1]);
    memory_free(samples);
}

static void epochs_and_seeds_differ(void **state)
{
    (void)state;
    const struct batch_schedule one = { .seed = 1, .samples = 1000 };
    const struct batch_schedule two = { .seed = 2, .samples = 1000 };
    int same_epoch = 0, same_seed = 0, in_order = 0;
    for (int64_t place = 0; place < 1000; place++) {
        int64_t sample = batch_schedule_sample(&one, place);
        same_epoch += sample == batch_schedule_sample(&one, 1000 + place);
        same_seed += sample == batch_schedule_sample(&two, place);
        in_order += sample == place;
    }
    /* A random permutation keeps one place on average. */
    assert_in_range(same_epoch, 0, 8);
    assert_in_range(same_seed, 0, 8);
    assert_in_range(in_order, 0, 8);
}

static void a_window_reads_from_few_blocks(void **state)
{
    (void)state;
    enum { BLOCKS = 100000 };
    const struct batch_schedule schedule = { .seed = 3, .samples = BLOCKS * SCHEDULE_BLOCK };
    unsigned char *touched = memory_alloc_zeroed(BLOCKS, 1);
    int64_t blocks = 0, last = 0, distance = 0;
    for (int64_t place = 0; place < SCHEDULE_WINDOW * SCHEDULE_BLOCK; place++) {
        int64_t block = batch_schedule_sample(&schedule, place) / SCHEDULE_BLOCK;
        blocks += !touched[block];
        distance += llabs(block - last) > BLOCKS / 10;
        touched[block] = 1;
        last = block;
    }
    memory_free(touched);
    assert_int_equal(blocks, SCHEDULE_WINDOW);
    /* The blocks come from all over: of random pairs, 81 % are that far apart. */
    assert_true(distance > SCHEDULE_WINDOW * SCHEDULE_BLOCK / 2);
}

/* What each rank of each world reads, laid side by side in the order of the slots. */
static void every_world_size_walks_the_same_sequence(void **state)
{
    (void)state;
    enum { STEPS = 40, LEAVES = 16, LEAF_SEQUENCES = 3, SLOTS = STEPS * LEAVES * LEAF_SEQUENCES };
    static const int worlds[] = { 1, 2, 3, 4, 6, 8, 16 };
    const struct batch_schedule schedule = { .seed = 11, .samples = 333 };
    static int64_t expected[SLOTS], walked[SLOTS];

    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        memset(walked, -1, sizeof walked);
        for (int rank = worlds[w] - 1; rank >= 0; rank--)
            for (int step = 0; step < STEPS; step++)
                for (int leaf = LEAVES * rank / worlds[w]; leaf < LEAVES * (rank + 1) / worlds[w];
                     leaf++)
                    for (int s = 0; s < LEAF_SEQUENCES; s++) {
                        int slot = (step * LEAVES + leaf) * LEAF_SEQUENCES + s;
                        assert_int_equal(walked[slot], -1);
                        walked[slot] = batch_schedule_sample(&schedule, slot);
                    }
        if (w == 0)
            memcpy(expected, walked, sizeof walked);
        assert_memory_equal(walked, expected, sizeof walked);
    }
}

static void a_walk_over_any_slots_finds_the_same_samples(void **state)
{
    (void)state;
    const struct batch_schedule schedule = { .seed = 9, .samples = 10000 };
    struct batch_walk walk = { 0 };
    for (int64_t i = 0; i < 30000; i++) {
        int64_t slot = i % 7 == 0 ? i * 7919 % 50000 : i; /* on, with jumps ahead and back */
        assert_int_equal(batch_walk_sample(&walk, &schedule, slot),
                         batch_schedule_sample(&schedule, slot));
    }
}

/* The order of a run's data is part of its bits: these values, computed apart from the text of
 * docs/shard-format.md, may never change. */
static void the_sequence_is_that_of_the_specification(void **state)
{
    (void)state;
    const struct batch_schedule schedule = { .seed = 42, .samples = 10000 };
    static const int64_t slots[] = { 0, 1, 2, 4095, 4096, 9999, 10000, 123456789 };
    static const int64_t expected[] = { 6416, 9267, 7690, 5024, 6780, 4624, 9482, 3926 };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        assert_int_equal(batch_schedule_sample(&schedule, slots[i]), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_corpora_are_permuted),
        cmocka_unit_test(corpora_around_a_window_are_permuted),
        cmocka_unit_test(a_huge_corpus_repeats_no_sample),
        cmocka_unit_test(epochs_and_seeds_differ),
        cmocka_unit_test(a_window_reads_from_few_blocks),
        cmocka_unit_test(every_world_size_walks_the_same_sequence),
        cmocka_unit_test(a_walk_over_any_slots_finds_the_same_samples),
        cmocka_unit_test(the_sequence_is_that_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
