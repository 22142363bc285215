#include "comm/mpi_check.h"

#include <string.h>

#include "base/status.h"

void mpi_check_at(const char *file, int line, const char *call, int code)
{
    if (code == MPI_SUCCESS)
        return;
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length;
    MPI_Error_string(code, text, &length);
    fatal_at(file, line, "%.*s failed: %s", (int)strcspn(call, "("), call, text);
}
