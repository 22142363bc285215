/* mpi_check: every MPI call is checked, always. A failing one is fatal, with
 * the call's name and MPI's own words. */
#ifndef COMM_MPI_CHECK_H
#define COMM_MPI_CHECK_H

#include <mpi.h>

#define MPI_CHECK(call) mpi_check_at(__FILE__, __LINE__, #call, (call))

/* `call` is the call's text; `code` what it returned. */
void mpi_check_at(const char *file, int line, const char *call, int code);

#endif
