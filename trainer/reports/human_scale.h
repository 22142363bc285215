/* human_scale: amounts of computation and text, beside what a person can imagine.
 *
 * Every scale rests on assumptions; they are arguments, have cited defaults, and
 * whoever prints a scale prints them too.
 *
 *   words_per_token        0.75   OpenAI, "What are tokens and how to count them?": English,
 *                                 GPT-2's and GPT-3's vocabulary
 *   words_per_minute       238    Brysbaert 2019, J. Memory and Language 109: adults reading
 *                                 English non-fiction silently, mean of 190 studies
 *   reading_hours_per_day  24     without a pause, as in "2,600 years for GPT-3's text"
 *   operations_per_second  1e9    one a nanosecond
 *
 * A year is 365.25 days.
 */
#ifndef TRAINER_REPORTS_HUMAN_SCALE_H
#define TRAINER_REPORTS_HUMAN_SCALE_H

#include <stddef.h>

/* Brown et al. 2020, appendix D, table D.1: FLOPs of training GPT-3 175B. */
#define GPT3_TRAINING_FLOPS 3.14e23

struct human_assumptions {
    double words_per_token, words_per_minute, reading_hours_per_day, operations_per_second;
};

double human_compute_years(double flops, const struct human_assumptions *assumptions);
double human_reading_years(double tokens, const struct human_assumptions *assumptions);
double human_gpt3_fraction(double flops);

/* For a person's eyes, three digits: "9.98 million", "1,797", "12.5", "0.25", "3.10e-9". */
void human_format_number(double value, char *out, size_t size);
/* "9.98 million years", "3.20 days", "0.04 seconds". */
void human_format_years(double years, char *out, size_t size);
/* "3.60 million joules", or "unknown". */
void human_format_energy(double joules, char *out, size_t size);
/* As papers write it: "3.15e23". */
void human_format_scientific(double value, char *out, size_t size);

#endif
