/* model_presets: published models, what they were trained on, and where that is said.
 *
 * Only figures that their authors published. Parameters are all parameters,
 * embeddings included (of a mixture of experts: those active for a token).
 */
#ifndef TRAINER_REPORTS_MODEL_PRESETS_H
#define TRAINER_REPORTS_MODEL_PRESETS_H

struct model_preset {
    const char *name;  /* as after --preset= */
    const char *title; /* as in print */
    double parameters;
    double tokens;      /* seen in training; 0: never published */
    const char *source; /* authors, year, place */
    const char *note;   /* or NULL */
};

/* Ended by a row without a name; by family, then by size. */
extern const struct model_preset model_presets[];

/* By its name, or the largest of a family by the family's ("gpt3"); NULL if there is none. */
const struct model_preset *model_preset_find(const char *name);
const char *model_preset_nearest(const char *name); /* or NULL if none is near */

/* 6 N D: two operations for each parameter and token forward, four backward.
 * Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1. */
double training_flops_estimate(double parameters, double tokens);

#endif
