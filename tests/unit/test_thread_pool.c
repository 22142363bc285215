#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread_pool.h"

enum { MOST_BLOCKS = 1000, MOST_THREADS = 7 };

struct tally {
    int visits[MOST_BLOCKS]; /* of each block: written by whoever takes it */
    atomic_int bad_threads;
    int threads;
};

static void visit(void *context, int64_t block, int thread)
{
    struct tally *tally = context;
    tally->visits[block]++;
    if (thread < 0 || thread >= tally->threads)
        atomic_fetch_add(&tally->bad_threads, 1);
}

static void every_block_is_done_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= MOST_THREADS; threads += 2) {
        static struct tally tally;
        int expected[MOST_BLOCKS] = { 0 };
        memset(&tally, 0, sizeof tally);
        tally.threads = threads;
        struct thread_pool *pool = thread_pool_create(threads);
        assert_int_equal(thread_pool_size(pool), threads);
        for (int run = 0; run < 3000; run++) {
            int blocks = run % 100 == 99 ? MOST_BLOCKS : run % 13;
            thread_pool_run(pool, blocks, visit, &tally);
            for (int i = 0; i < blocks; i++)
                expected[i]++;
            if (run % 500 == 0)
                usleep(2000); /* the threads fall asleep */
        }
        thread_pool_free(pool);
        assert_memory_equal(tally.visits, expected, sizeof expected);
        assert_int_equal(tally.bad_threads, 0);
    }
    assert_int_equal(memory_live_blocks(), 0);
}

struct sums {
    const float *values;
    float of_block[64];
};

static void add_up(void *context, int64_t block, int thread)
{
    struct sums *sums = context;
    float sum = 0;
    (void)thread;
    for (int64_t i = block * 1000; i < (block + 1) * 1000; i++)
        sum += sums->values[i];
    sums->of_block[block] = sum;
}

static void results_have_the_same_bits_for_every_number_of_threads(void **state)
{
    static float values[64000];
    struct sums alone = { .values = values }, shared = { .values = values };
    (void)state;
    for (int i = 0; i < 64000; i++)
        values[i] = (i % 3 ? 1.0f : -1e6f) / (float)(i + 1);
    struct thread_pool *pool = thread_pool_create(1);
    thread_pool_run(pool, 64, add_up, &alone);
    thread_pool_free(pool);
    for (int threads = 2; threads <= 5; threads++) {
        pool = thread_pool_create(threads);
        thread_pool_run(pool, 64, add_up, &shared);
        thread_pool_free(pool);
        assert_memory_equal(shared.of_block, alone.of_block, sizeof alone.of_block);
    }
}

struct denormals {
    atomic_int met;  /* threads that have arrived: each must take a block */
    atomic_int kept; /* threads whose half of the smallest float was not zero */
    int threads;
};

static void halve_the_smallest(void *context, int64_t block, int thread)
{
    struct denormals *denormals = context;
    volatile float smallest = FLT_MIN;
    float half = smallest * 0.5f;
    uint32_t bits; /* a comparison of numbers would flush its operands itself */
    memcpy(&bits, &half, sizeof bits);
    (void)block;
    (void)thread;
    atomic_fetch_add(&denormals->met, 1);
    while (atomic_load(&denormals->met) < denormals->threads)
        usleep(100);
    if (bits != 0)
        atomic_fetch_add(&denormals->kept, 1);
}

static void every_thread_flushes_denormals(void **state)
{
    struct denormals denormals = { .threads = 3 };
    (void)state;
#if !defined(__SSE2__) && !defined(__aarch64__)
    skip();
#endif
    struct thread_pool *pool = thread_pool_create(denormals.threads);
    thread_pool_run(pool, denormals.threads, halve_the_smallest, &denormals);
    thread_pool_free(pool);
    assert_int_equal(denormals.kept, 0);
}

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

static void an_idle_pool_burns_no_cpu(void **state)
{
    static struct tally tally = { .threads = 2 };
    struct thread_pool *pool = thread_pool_create(2);
    (void)state;
    thread_pool_run(pool, 100, visit, &tally);
    double least = 1;
    for (int window = 0; window < 10; window++) { /* on a busy machine the threads sleep late */
        double before = cpu_seconds();
        usleep(50000);
        double used = cpu_seconds() - before;
        least = used < least ? used : least;
    }
    thread_pool_free(pool);
    assert_true(least < 0.005); /* of 0.05 s; observed 1e-4 s */
}

static void linger(void *context, int64_t block, int thread)
{
    (void)context;
    (void)block;
    (void)thread;
    usleep(20000);
}

static void waiting_for_a_slow_block_burns_no_cpu(void **state)
{
    struct thread_pool *pool = thread_pool_create(2);
    (void)state;
    double before = cpu_seconds();
    for (int run = 0; run < 5; run++)
        thread_pool_run(pool, 2, linger, NULL);
    double used = cpu_seconds() - before;
    thread_pool_free(pool);
    assert_true(used < 0.02); /* of 0.1 s; observed 1e-3 s */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_done_once),
        cmocka_unit_test(results_have_the_same_bits_for_every_number_of_threads),
        cmocka_unit_test(every_thread_flushes_denormals),
        cmocka_unit_test(an_idle_pool_burns_no_cpu),
        cmocka_unit_test(waiting_for_a_slow_block_burns_no_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
