/* straggler: which rank is slower than the others, and what that costs them.
 *
 * Each rank measures its own computing in a step: what lies between operations.
 * After STRAGGLER_STEPS steps all records are gathered and judged. A rank is
 * named when, for each leaf, it computes STRAGGLER_RATIO times as long as the
 * median of the others, and these waited STRAGGLER_WAITING of the time for it.
 * So ranks that own one leaf more are not blamed, nor is one that reduces
 * slowly because its network is slow. A rank's longest step of the window is
 * left out: one hiccup is no slowness. Slowness that begins at any step is
 * named within twice the window.
 */
#ifndef COMM_STRAGGLER_H
#define COMM_STRAGGLER_H

#include "comm/flight_recorder.h"
#include "comm/world.h"

enum { STRAGGLER_STEPS = 10 };
#define STRAGGLER_RATIO   1.5
#define STRAGGLER_WAITING 0.15
#define STRAGGLER_LOST_S  0.1 /* in a window; what is lost below is noise, or no loss */

/* Of one rank, over a window. */
struct straggler_record {
    double computing_s; /* of a step, on average */
    double waiting_s, seconds;
    int64_t leaves; /* of a step; a rank without any is neither judged nor a measure */
    char host[WORLD_HOST_BYTES];
};

struct straggler_verdict {
    int rank;     /* -1: none is slow */
    double ratio; /* to the median of the others, for each leaf */
    double waiting_share;
};

/* Pure. */
struct straggler_verdict straggler_judge(const struct straggler_record *records, int size);

struct straggler {
    int64_t leaves;
    int steps; /* of this window so far */
    struct flight_totals begun;
    double computing_s[STRAGGLER_STEPS];
    double waiting_s, seconds;
    int named; /* in the last window, or -1 */
    int64_t windows_in_a_row;
};

/* Local. For a rank that computes so many leaves of a step. */
void straggler_init(struct straggler *straggler, int64_t leaves);
void straggler_step_begin(struct straggler *straggler);
/* Collective. At the end of a window rank 0's log names a slow rank: in the first, second, fourth,
 * eighth ... window in a row. Returns the rank, -1 where there is none or the window goes on. */
int straggler_step_end(struct straggler *straggler, const struct world *world);

#endif
