/* step_profile: where the time of training steps went, as a table and as JSON.
 *
 * Lines are the kernels that ran, the longest first, then the stages that are no kernels (the
 * reduction, reading, ...), then "other": what none of them accounts for. Their shares add up
 * to the whole.
 *
 *   kernel                share    ms a step   calls     GFLOP/s      GB/s
 *   forward products     22.1 %        310.2      48       181.5
 *   optimizer             8.0 %        112.3       1                  30.9
 */
#ifndef TRAINER_REPORTS_STEP_PROFILE_H
#define TRAINER_REPORTS_STEP_PROFILE_H

#include "base/json.h"
#include "base/strbuf.h"
#include "trainer/kernels/profile.h"

struct profile_stage {
    const char *name;
    double seconds;
};

struct step_profile {
    const struct kernel_profile *kernels; /* [KERNELS], of all the steps together */
    const struct profile_stage *stages;
    int stage_count;
    int64_t steps;
    double seconds; /* wall time in all */
};

void step_profile_print(const struct step_profile *profile, struct strbuf *out);
/* {"steps", "seconds", "kernels": [{"name", "seconds", "calls", "flops", "bytes"}, ...],
 *  "stages": [{"name", "seconds"}, ..., {"name": "other", ...}]}; the caller frees it. */
struct json *step_profile_to_json(const struct step_profile *profile);

#endif
