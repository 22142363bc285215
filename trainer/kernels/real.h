/* real: the number type of the model's mathematics.
 *
 * float in the trainer. The tests compile the same sources once more with
 * EON_REAL_IS_DOUBLE, so that every backward pass is checked against central
 * differences, whose own error in float would hide the model's.
 */
#ifndef TRAINER_KERNELS_REAL_H
#define TRAINER_KERNELS_REAL_H

#ifdef EON_REAL_IS_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
