/* portable_math: elementary functions with the same bits on every CPU.
 *
 * The C library picks its exp, log and cos by the CPU's features (with or
 * without FMA), so their last bits differ between machines. Where a value
 * decides a run's bits (initial weights, learning rate, RoPE's angles) these
 * are used instead: plain IEEE additions and multiplications in a fixed order,
 * compiled without contraction. Relative error below 1e-14. Results that are
 * too small for a normal double are zero in every denormal mode.
 */
#ifndef BASE_PORTABLE_MATH_H
#define BASE_PORTABLE_MATH_H

#include <stdint.h>

double portable_exp(double x);
double portable_log(double x);                                /* x > 0 */
void portable_sincos(double x, double *sine, double *cosine); /* |x| < 1e9, else NaN */
double portable_cos(double x);

/* exp(exponent log base) for base > 0. The error grows with the exponential's
 * argument: below 1e-14 while base^exponent is within 1e-15 and 1e15. */
double portable_pow(double base, double exponent);
/* By squaring, exponent >= 0; the error is about `exponent` times 1e-16. */
double portable_pow_integer(double base, int64_t exponent);

#endif
