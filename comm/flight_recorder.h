/* flight_recorder: the last operations of this rank, and how it spent its time.
 *
 * A rank computes by itself, or is in an operation in which all ranks take part:
 *
 *   working ------> waiting ------> moving ------> working
 *                   for the others  the data
 *
 * or it computes beside an operation that another thread sees to, until it waits
 * for that:
 *
 *   working ------> beside -------> waiting -----> moving -----> working
 *
 * The last FLIGHT_ENTRIES operations are kept in a ring, with their times. The
 * owner of MPI records, the watchdog's thread reads: one lock guards all, which
 * nobody holds for longer than a copy. Nothing is allocated. One for a process.
 * Local, all of it; operation.h is what calls it.
 */
#ifndef COMM_FLIGHT_RECORDER_H
#define COMM_FLIGHT_RECORDER_H

#include <stdint.h>

#include "base/status.h"

enum { FLIGHT_ENTRIES = 64, FLIGHT_NAME_BYTES = 48, FLIGHT_DOING_BYTES = 96 };

enum flight_phase { FLIGHT_WORKING, FLIGHT_BESIDE, FLIGHT_WAITING, FLIGHT_MOVING, FLIGHT_PHASES };

/* Where a rank is: in operation `sequence`, beside it, or working after it (0: none so far). */
struct flight_state {
    int64_t sequence, bytes;
    int32_t phase; /* enum flight_phase */
    char operation[FLIGHT_NAME_BYTES];
    char doing[FLIGHT_DOING_BYTES];
};

/* How long this process has been in each phase, up to now. */
struct flight_totals {
    double seconds[FLIGHT_PHASES];
};

/* `name` is a literal, or lives as long as the process. Returns the sequence number, from 1. */
int64_t flight_recorder_begin(const char *name, int64_t bytes, enum flight_phase phase);
/* Within an operation; the first time that it turns to FLIGHT_MOVING all ranks have met. Beside an
 * operation that has ended a rank is working. */
void flight_recorder_turn(enum flight_phase phase);
void flight_recorder_end(void);

/* What the rank works on, for a person who asks why it is late: "computing leaf 3 of step 17". */
void flight_recorder_doing(const char *format, ...) PRINTF_LIKE(1, 2);

/* Waiting or moving data, and nothing else. */
static inline bool flight_is_in_operation(const struct flight_state *state)
{
    return state->phase == FLIGHT_WAITING || state->phase == FLIGHT_MOVING;
}

struct flight_state flight_recorder_state(void);
struct flight_totals flight_recorder_totals(void);

/* Where flight_recorder_write writes: FOLDER/rank-N.txt; NULL: nowhere. The folder is made then,
 * if the one above it exists. */
void flight_recorder_set_folder(const char *folder, int rank);
bool flight_recorder_has_folder(void);
/* Writes the last operations, below `why`, over what was written before. Without a folder, or where
 * it cannot be written, a few go to standard error. Allocates nothing, for it is called on the way
 * to the end; while another thread writes it does nothing. */
void flight_recorder_write(const char *why);

#endif
