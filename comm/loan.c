#include "comm/loan.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/slice.h"
#include "comm/topology.h"
#include "comm/transfer.h"

int64_t loans_of_range(const struct world *world, int64_t count, int64_t begin, int64_t end,
                       int borrower, struct loan *loans)
{
    const struct slicing slicing = slicing_of(count, world->size);
    int64_t listed = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t part_end = (at / slicing.part + 1) * slicing.part;
        const int owner = slicing_owner(&slicing, at);
        const int64_t loan_end = part_end < end ? part_end : end;
        if (owner != borrower && loans)
            loans[listed] = (struct loan){ at, loan_end, owner, borrower };
        listed += owner != borrower;
        at = loan_end;
    }
    return listed;
}

static int64_t message_count(const struct loan *loan)
{
    int64_t bytes = (loan->end - loan->begin) * (int64_t)sizeof(float);
    return (bytes + TRANSFER_MESSAGE_BYTES - 1) / TRANSFER_MESSAGE_BYTES;
}

/* Posts the loan's messages, from `source` to `target`, if this rank is one of them; returns how
 * many. Between two ranks messages keep their order, and both go through the same list. */
static int post_messages(const struct world *world, float *vector, const struct loan *loan,
                         int source, int target, MPI_Request *requests)
{
    const int64_t longest = TRANSFER_MESSAGE_BYTES / (int64_t)sizeof(float);
    int posted = 0;
    for (int64_t at = loan->begin; at < loan->end; at += longest) {
        int length = (int)(loan->end - at < longest ? loan->end - at : longest);
        if (world->rank == source)
            MPI_CHECK(MPI_Isend(vector + at, length, MPI_FLOAT, target, TRANSFER_TAG_LOAN,
                                world->topology->comm, &requests[posted++]));
        else if (world->rank == target)
            MPI_CHECK(MPI_Irecv(vector + at, length, MPI_FLOAT, source, TRANSFER_TAG_LOAN,
                                world->topology->comm, &requests[posted++]));
    }
    return posted;
}

static void move_loans(const struct world *world, float *vector, const struct loan *loans,
                       int64_t count, bool back)
{
    int64_t most = 0, elements = 0;
    int posted = 0;
    for (int64_t i = 0; i < count; i++) {
        most += message_count(&loans[i]);
        elements += loans[i].end - loans[i].begin;
    }
    operation_begin(world, back ? "return of loans" : "giving of loans",
                    elements * (int64_t)sizeof *vector);
    MPI_Request *requests = memory_alloc_zeroed((size_t)most, sizeof *requests);
    for (int64_t i = 0; i < count; i++) {
        int source = back ? loans[i].borrower : loans[i].owner;
        int target = back ? loans[i].owner : loans[i].borrower;
        posted += post_messages(world, vector, &loans[i], source, target, requests + posted);
    }
    if (posted > 0) /* none in a world of one, which may be without MPI */
        MPI_CHECK(MPI_Waitall(posted, requests, MPI_STATUSES_IGNORE));
    operation_end(world);
    memory_free(requests);
}

void loans_give(const struct world *world, float *vector, const struct loan *loans, int64_t count)
{
    move_loans(world, vector, loans, count, false);
}

void loans_return(const struct world *world, float *vector, const struct loan *loans, int64_t count)
{
    move_loans(world, vector, loans, count, true);
}
