#include "base/portable_math.h"

#include <math.h>
#include <string.h>

/* log 2 in two parts: the first has 32 bits, so that its product with an
 * exponent of two is exact (Cody and Waite, Software Manual for the Elementary
 * Functions, 1980). The sum of both is exact to 85 bits. */
static const double log2_high = 0x1.62e42fee00000p-1, log2_low = 0x1.a39ef35793c76p-33;

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for k in [-1022, 1023]. */
static double power_of_two(int64_t k)
{
    return double_of((uint64_t)(k + 1023) << 52);
}

/* exp(k log 2 + r) = 2^k exp(r), |r| <= log(2) / 2; the Taylor series to r^13
 * leaves 4e-18. Results below the normal range are zero, so that they do not
 * depend on the thread's flush-to-zero mode. */
double portable_exp(double x)
{
    if (isnan(x))
        return x;
    if (x > 709.782712893384) /* log of the largest double */
        return HUGE_VAL;
    if (x < -708.396418532264) /* log of the smallest normal double */
        return 0.0;

    double k = floor(x * 0x1.71547652b82fep+0 + 0.5);
    double r = (x - k * log2_high) - k * log2_low;
    double sum = 1.0 + r / 13;
    for (int n = 12; n > 0; n--)
        sum = 1.0 + r * sum / n;

    int64_t half = (int64_t)k / 2; /* 2^1024 has no double, its halves have */
    return sum * power_of_two(half) * power_of_two((int64_t)k - half);
}

/* log(2^e m) = e log 2 + 2 artanh(s), s = (m - 1) / (m + 1), m in
 * [sqrt(1/2), sqrt(2)), so |s| < 0.172; the series to s^23 leaves 1e-20. */
double portable_log(double x)
{
    uint64_t bits = bits_of(x);
    if (isnan(x))
        return x;
    if ((bits << 1) >> 53 == 0) /* zero, and what flush-to-zero takes for it */
        return -HUGE_VAL;
    if (bits >> 63)
        return NAN;
    if (isinf(x))
        return x;

    int64_t e = (int64_t)(bits >> 52) - 1023;
    double m = double_of((bits & 0xfffffffffffff) | (uint64_t)1023 << 52);
    if (m >= 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), square = s * s;
    double sum = 1.0 / 23;
    for (int n = 21; n > 0; n -= 2)
        sum = 1.0 / n + square * sum;
    return (double)e * log2_high + (2.0 * s * sum + (double)e * log2_low);
}

/* x = k pi/2 + r, |r| <= pi/4. The first four parts of pi/2 have at most 22
 * bits: with |k| < 2^30 their products with k are exact, and the whole is known
 * to 145 bits, more than any double below 1e9 can cancel. */
static double reduce_by_quarter_turns(double x, int64_t *quarter)
{
    static const double part[5] = { 0x1.921fb00000000p+0, 0x1.5110b00000000p-22,
                                    0x1.1846980000000p-44, 0x1.3198a00000000p-69,
                                    0x1.701b839a25205p-92 };
    double k = floor(x * 0x1.45f306dc9c883p-1 + 0.5);
    double high = x - k * part[0], low = 0.0;
    for (int i = 1; i < 5; i++) {
        /* Knuth's exact sum (The Art of Computer Programming 2, 4.2.2). */
        double term = -k * part[i], sum = high + term, taken = sum - high;
        low += (high - (sum - taken)) + (term - taken);
        high = sum;
    }
    *quarter = (int64_t)k;
    return high + low;
}

/* The Taylor series to r^17 and r^18 leave less than 1e-19. */
static double sine_near_zero(double r)
{
    double square = r * r, sum = 1.0;
    for (int n = 16; n > 0; n -= 2)
        sum = 1.0 - square * sum / (n * (n + 1));
    return r * sum;
}

static double cosine_near_zero(double r)
{
    double square = r * r, sum = 1.0;
    for (int n = 17; n > 0; n -= 2)
        sum = 1.0 - square * sum / (n * (n + 1));
    return sum;
}

void portable_sincos(double x, double *sine, double *cosine)
{
    if (!(fabs(x) < 1e9)) {
        *sine = *cosine = NAN;
        return;
    }
    int64_t quarter;
    double r = reduce_by_quarter_turns(x, &quarter);
    double s = sine_near_zero(r), c = cosine_near_zero(r);
    switch (quarter & 3) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
        break;
    }
}

double portable_cos(double x)
{
    double sine, cosine;
    portable_sincos(x, &sine, &cosine);
    return cosine;
}

double portable_pow(double base, double exponent)
{
    return portable_exp(exponent * portable_log(base));
}

double portable_pow_integer(double base, int64_t exponent)
{
    double result = 1.0;
    for (double power = base; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result *= power;
        power *= power;
        if (fabs(power) < 0x1p-1022)
            power = 0.0; /* whatever the thread's flush-to-zero mode */
    }
    return fabs(result) < 0x1p-1022 ? 0.0 : result;
}
