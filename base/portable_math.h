/* portable_math: elementary functions with the same bits on every CPU.
 *
 * The C library picks its exp, log and cos by the CPU's features (with or
 * without FMA), so their last bits differ between machines. Where a value
 * decides a run's bits (initial weights, learning rate, RoPE's angles) these
 * are used instead: plain IEEE additions and multiplications in a fixed order,
 * compiled without contraction. Relative error below 1e-14.
 */
#ifndef BASE_PORTABLE_MATH_H
#define BASE_PORTABLE_MATH_H

#include <stdint.h>

double portable_exp(double x);
double portable_log(double x);                                /* x > 0 */
void portable_sincos(double x, double *sine, double *cosine); /* |x| < 1e9 */
double portable_cos(double x);
double portable_pow(double base, double exponent);          /* base > 0: exp(exponent log base) */
double portable_pow_integer(double base, int64_t exponent); /* by squaring; exponent >= 0 */

#endif
