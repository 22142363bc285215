/* compute_ledger: every floating-point operation of a run, over all its restarts.
 *
 * Two counts stand beside each other:
 *   executed   what the matrix products did (kernels->flops, over all ranks)
 *   model      what the mathematics asks for (model_flops_per_token): the usual
 *              numerator of model FLOPs utilisation
 * and each is split over what the work was for. Work that left nothing behind
 * (steps lost to a kill and done again, steps skipped for a gradient that is not
 * finite) is moved to, or counted as, discarded; it never vanishes.
 *
 *                    kill                   resume
 *   steps   0 ---- 100 ---- 137      100 ---- 200
 *   checkpoint's ledger |                 ^ compute_ledger_resume: 100..137 become
 *   RUN/ledger.json           |-----------+ discarded, restarts + 1
 *
 * Counts are doubles: exact up to 9e15, then within 1e-16 of the total for each
 * addition. Unknown quantities (no energy counter, no measured peak) are NaN
 * here and null in JSON, and a sum with an unknown part is unknown.
 *
 * Local: rank 0 keeps the ledger. docs/compute-ledger.md has the definitions.
 */
#ifndef TRAINER_REPORTS_COMPUTE_LEDGER_H
#define TRAINER_REPORTS_COMPUTE_LEDGER_H

#include <stdint.h>

#include "base/json.h"
#include "base/status.h"

#define COMPUTE_LEDGER_FILE "ledger.json" /* in the run's folder */

enum compute_purpose {
    COMPUTE_TRAINING,
    COMPUTE_EVALUATION, /* validation: forward alone */
    COMPUTE_GENERATION,
    COMPUTE_DISCARDED,
    COMPUTE_PURPOSES
};
extern const char *const compute_purpose_names[COMPUTE_PURPOSES]; /* the keys in JSON */

/* Work over all ranks together. */
struct compute_amount {
    double executed_flops, model_flops;
    int64_t tokens, steps;
    double wall_seconds;    /* as the clock on the wall shows */
    double rank_seconds;    /* wall_seconds times the ranks that were at work */
    double available_flops; /* what the measured peak allows in rank_seconds; NaN: unknown */
    double energy_joules;   /* NaN: not measured */
};

struct compute_ledger {
    struct compute_amount amounts[COMPUTE_PURPOSES];
    int64_t restarts;
    int64_t ranks;                /* of the present start */
    double peak_flops_per_second; /* measured, of one rank; NaN: not measured */
};

void compute_ledger_init(struct compute_ledger *ledger, int64_t ranks,
                         double peak_flops_per_second);

/* Adds work of this start. `amount`'s rank_seconds and available_flops are not read: they
 * follow from wall_seconds, the ledger's ranks and its peak. */
void compute_ledger_add(struct compute_ledger *ledger, enum compute_purpose purpose,
                        const struct compute_amount *amount);

/* Adds all work of `other`, purpose by purpose, and its restarts. */
void compute_ledger_merge(struct compute_ledger *ledger, const struct compute_ledger *other);

/* A resumed run: to `ledger`, initialised for this start, comes what the checkpoint knows, and
 * what `run` (RUN/ledger.json, NULL where there is none) did after it as discarded work. Unless
 * the checkpoint is the newer of the two, the total is then that of `run`: nothing is lost.
 * Counts one restart more. */
void compute_ledger_resume(struct compute_ledger *ledger, const struct compute_ledger *checkpoint,
                           const struct compute_ledger *run);

/* The sum over all purposes. */
struct compute_amount compute_ledger_total(const struct compute_ledger *ledger);

/* Model FLOPs utilisation and executed (hardware) FLOPs utilisation in [0, 1] of the measured
 * peak; NaN where the peak or the time is unknown. Chowdhery et al. 2022 (PaLM), appendix B. */
double compute_amount_model_utilisation(const struct compute_amount *amount);
double compute_amount_executed_utilisation(const struct compute_amount *amount);

/* To and from JSON: of state.json's "ledger", and RUN/ledger.json. Reading is strict: a missing
 * or unknown key, a negative count or another version is bad input naming `source`. */
struct json *compute_ledger_to_json(const struct compute_ledger *ledger);
enum status compute_ledger_from_json(const struct json *value, const char *source,
                                     struct compute_ledger *ledger);
struct json *compute_amount_to_json(const struct compute_amount *amount);

/* RUN/ledger.json, replaced at every log interval and right after a resume, so that a second
 * kill does not forget the first. */
enum status compute_ledger_write(const struct compute_ledger *ledger, const char *run_folder);
enum status compute_ledger_read(const char *run_folder, struct compute_ledger *ledger);

#endif
