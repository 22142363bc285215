/* background: the thread that talks MPI while the main thread computes.
 *
 * MPI has one owner at a time. It is the main thread, until that gives a job to
 * this one; then it is this one, until background_wait has seen the job's end:
 *
 *   main         computes | give |  computes, without MPI  | wait | computes, MPI
 *   background                    |  job: MPI       |
 *
 * Jobs run in the order in which they were given. A thread like the pool's:
 * it flushes denormals, and signals are not for it. Private to comm/.
 */
#ifndef COMM_BACKGROUND_H
#define COMM_BACKGROUND_H

struct background;

struct background *background_start(void);
/* Waits for its jobs first. NULL is allowed. */
void background_stop(struct background *background);

/* At most BACKGROUND_JOBS that are not yet done. What the caller wrote before, the job sees. */
enum { BACKGROUND_JOBS = 4 };
void background_give(struct background *background, void (*job)(void *context), void *context);
/* Until all jobs are done; what they wrote, the caller sees. */
void background_wait(struct background *background);

#endif
