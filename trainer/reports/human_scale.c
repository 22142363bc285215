#include "trainer/reports/human_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double seconds_per_year = 365.25 * 86400;

double human_compute_years(double flops, const struct human_assumptions *assumptions)
{
    return flops / assumptions->operations_per_second / seconds_per_year;
}

double human_reading_years(double tokens, const struct human_assumptions *assumptions)
{
    double minutes = tokens * assumptions->words_per_token / assumptions->words_per_minute;
    return minutes / 60 / assumptions->reading_hours_per_day / 365.25;
}

double human_gpt3_fraction(double flops)
{
    return flops / GPT3_TRAINING_FLOPS;
}

/* Three significant digits, where rounding may carry into a fourth place: 999.6 is "1000". */
static void format_three_digits(double value, char *out, size_t size)
{
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, size, "%.*f", decimals, value);
}

static void format_thousands(double value, char *out, size_t size)
{
    long long whole = llround(value);
    if (whole >= 1000)
        snprintf(out, size, "%lld,%03lld", whole / 1000, whole % 1000);
    else
        snprintf(out, size, "%lld", whole);
}

void human_format_scientific(double value, char *out, size_t size)
{
    char text[32];
    if (value == 0) {
        snprintf(out, size, "0");
        return;
    }
    snprintf(text, sizeof text, "%.2e", value);
    char *exponent = strchr(text, 'e'); /* none in "nan" and "inf" */
    if (!exponent) {
        snprintf(out, size, "unknown");
        return;
    }
    *exponent++ = '\0';
    snprintf(out, size, "%se%d", text, atoi(exponent)); /* e+23 as e23 */
}

void human_format_number(double value, char *out, size_t size)
{
    static const struct {
        double unit;
        const char *name;
    } scales[] = { { 1e12, "trillion" }, { 1e9, "billion" }, { 1e6, "million" } };

    if (isnan(value) || value == 0) {
        snprintf(out, size, value == 0 ? "0" : "unknown");
        return;
    }
    if (value >= 999.5e12 || (value != 0 && value < 0.01)) {
        human_format_scientific(value, out, size);
        return;
    }
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        if (value < scales[i].unit * 0.9995)
            continue;
        char digits[32];
        format_three_digits(value / scales[i].unit, digits, sizeof digits);
        snprintf(out, size, "%s %s", digits, scales[i].name);
        return;
    }
    if (value >= 99.95)
        format_thousands(value, out, size);
    else
        format_three_digits(value, out, size);
}

void human_format_years(double years, char *out, size_t size)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {
        { 365.25 * 86400, "years" }, { 86400, "days" }, { 3600, "hours" },
        { 60, "minutes" },           { 1, "seconds" },
    };
    double seconds = years * seconds_per_year;
    size_t unit = 0;
    while (unit + 1 < sizeof units / sizeof units[0] && seconds < units[unit].seconds)
        unit++;

    char number[32];
    human_format_number(seconds / units[unit].seconds, number, sizeof number);
    if (isnan(years))
        snprintf(out, size, "unknown");
    else
        snprintf(out, size, "%s %s", number, units[unit].name);
}

void human_format_energy(double joules, char *out, size_t size)
{
    char number[32];
    human_format_number(joules, number, sizeof number);
    snprintf(out, size, "%s%s", number, isnan(joules) ? "" : " joules");
}
