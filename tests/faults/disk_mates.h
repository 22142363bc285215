/* disk_mates: the ranks of a job that end at the same moment, as by a power failure.
 *
 * They share a file. Who is to end says so in it and undoes what it has not synced; a thread of
 * each other rank waits for that and does the same; when all are done, all kill themselves. So no
 * rank lives on to save on mpirun's SIGTERM, and none is killed by mpirun before it has undone.
 * Of a process that has no such file only the end is its own. */
#ifndef TESTS_FAULTS_DISK_MATES_H
#define TESTS_FAULTS_DISK_MATES_H

#include <stdbool.h>

/* `end` is called, in a thread of its own, when another rank ends. */
void mates_join(const char *path, void (*end)(void));
void mates_leave(void); /* this process ends by itself */

bool mates_are_ending(void);

/* Tells the others, calls `undo`, waits for the others, and ends by SIGKILL. */
_Noreturn void mates_end(void (*undo)(void));

#endif
