/* mpi_test: cmocka on many ranks.
 *
 * All ranks run the same tests. A failed assertion on any rank prints itself and
 * aborts that process, and with it the job, so that no other rank waits for it
 * in a collective; an alarm ends what hangs otherwise.
 *
 *   int main(void)
 *   {
 *       const struct CMUnitTest tests[] = { cmocka_unit_test(what_it_does) };
 *       mpi_test_begin();
 *       return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
 *   }
 */
#ifndef TESTS_MPI_MPI_TEST_H
#define TESTS_MPI_MPI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "comm/world.h"

extern struct world test_world;

/* Collective. On a terminal only rank 0 prints. */
void mpi_test_begin(void);
/* Collective. Returns the exit status; memory that is still held counts as a failure. */
int mpi_test_end(int failed_tests);

/* Well-mixed bits for place (a, b): test data that every rank can make by itself. */
uint64_t test_bits(uint64_t a, uint64_t b);
/* Floats that make the order of additions visible: from 1e30 down to denormals, both signs, zeros.
 */
float awkward_float(uint64_t bits);

/* Collective. Every rank's slice of `vector` is sent to all: afterwards all hold the whole. */
void test_gather_slices(const struct world *world, float *vector, int64_t count);
/* Local. Whether an element of a vector of `count` is in this rank's slice. */
bool test_owns(const struct world *world, int64_t count, int64_t element);
/* Local. Of this process. */
int test_open_descriptors(void);

#endif
