/* loop_set: how the loops of one source file become those of a set.
 *
 * The Makefile compiles each file of this folder once per set, with
 * -DKERNEL_SET=avx2 and that set's instruction flags alone. A file exports one
 * table of its static functions: norm_loops_reference, norm_loops_avx2, ...
 */
#ifndef TRAINER_KERNELS_LOOPS_LOOP_SET_H
#define TRAINER_KERNELS_LOOPS_LOOP_SET_H

#include "trainer/kernels/kernel_table.h"

#define LOOP_JOIN(noun, set) noun##_loops_##set
#define LOOP_NAME(noun, set) LOOP_JOIN(noun, set)

#define LOOP_TABLES(set)                                                                           \
    extern const struct norm_loops LOOP_JOIN(norm, set);                                           \
    extern const struct activation_loops LOOP_JOIN(activation, set);                               \
    extern const struct panel_loops LOOP_JOIN(panel, set);                                         \
    extern const struct softmax_loops LOOP_JOIN(softmax, set);                                     \
    extern const struct loss_loops LOOP_JOIN(loss, set);                                           \
    extern const struct vector_loops LOOP_JOIN(vector, set);                                       \
    extern const struct optimizer_loops LOOP_JOIN(optimizer, set);                                 \
    extern const struct tile_loops LOOP_JOIN(real_tile, set);                                      \
    extern const struct tile_loops LOOP_JOIN(bf16_tile, set);

LOOP_TABLES(reference)
#ifdef __x86_64__
LOOP_TABLES(avx2)
LOOP_TABLES(avx512)
LOOP_TABLES(amx)
#endif

#endif
