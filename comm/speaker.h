/* speaker: of the ranks that meet the same end at once, one says so.
 *
 * A full disk or a wrong option meets all ranks together, and one message is
 * enough. On a node, the rank that comes first speaks; between
 * nodes, and where the launcher gave no place for that, they speak in turn, so
 * that the abort of the first has arrived by the turn of the next. Private to
 * comm/.
 */
#ifndef COMM_SPEAKER_H
#define COMM_SPEAKER_H

/* Local. Returns when this rank is to speak, unless it is ended before. A rank
 * whose node has a speaker already waits PATIENCE_S for its end, then speaks. */
void speaker_wait_for_turn(int rank, int patience_s);

#endif
