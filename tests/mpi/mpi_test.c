#include "tests/mpi/mpi_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "comm/slice.h"
#include "comm/transfer.h"

struct world test_world;

void mpi_test_begin(void)
{
    enum { LIMIT_S = 240, SOAK_LIMIT_S = 3600 };
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    alarm(getenv("EON_SOAK") ? SOAK_LIMIT_S : LIMIT_S);
    if (world_init(&test_world) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        exit(1);
    }
    signal(SIGABRT, SIG_DFL); /* Open MPI's own handler prints pages */
    if (test_world.rank != 0 && isatty(STDOUT_FILENO) && !freopen("/dev/null", "w", stdout))
        exit(1);
}

int mpi_test_end(int failed_tests)
{
    world_finalize(&test_world);
    int64_t blocks = memory_live_blocks();
    if (blocks != 0)
        fprintf(stderr, "rank %d still holds %ld blocks of memory\n", test_world.rank,
                (long)blocks);
    return failed_tests != 0 || blocks != 0;
}

/* The finalizer of splitmix64: Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", OOPSLA 2014. */
uint64_t test_bits(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd1b54a32d192ed03);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

float awkward_float(uint64_t bits)
{
    static const float scales[16] = { 1e30f, 1e30f, 1e-30f, 1e-40f, 1e-44f, 0.0f, 1.0f,  1.0f,
                                      1.0f,  1e-3f, 1e-3f,  1e4f,   1e7f,   1.0f, 3e38f, 1e-38f };
    float sign = bits & 16 ? -1.0f : 1.0f;
    float fraction = (float)(bits >> 40) * 0x1p-24f;
    return sign * scales[bits & 15] * (bits & 32 ? 1.0f : 0.5f + 0.5f * fraction);
}

int test_open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Copies the parts of a rank between the vector and one piece; returns the piece's end. */
static float *copy_parts(const struct slicing *slicing, int rank, float *vector, float *piece,
                         bool to_vector)
{
    for (int64_t round = 0; round < slicing->rounds; round++) {
        const struct slice part = slicing_part(slicing, rank, round);
        const size_t bytes = (size_t)(part.end - part.begin) * sizeof *vector;
        memcpy(to_vector ? vector + part.begin : piece, to_vector ? piece : vector + part.begin,
               bytes);
        piece += part.end - part.begin;
    }
    return piece;
}

void test_gather_slices(const struct world *world, float *vector, int64_t count)
{
    const struct slicing slicing = slicing_of(count, world->size);
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    float *all = memory_alloc_zeroed((size_t)count, sizeof *all), *next = all;
    for (int rank = 0; rank < world->size; rank++) {
        if (rank == world->rank)
            copy_parts(&slicing, rank, vector, next, false);
        next += slicing_length(&slicing, rank);
        offsets[rank + 1] = (next - all) * (int64_t)sizeof *vector;
    }
    transfer_gather_parts(world, all, offsets);
    next = all;
    for (int rank = 0; rank < world->size; rank++)
        next = copy_parts(&slicing, rank, vector, next, true);
    memory_free(all);
    memory_free(offsets);
}

bool test_owns(const struct world *world, int64_t count, int64_t element)
{
    const struct slicing slicing = slicing_of(count, world->size);
    return slicing_owner(&slicing, element) == world->rank;
}
