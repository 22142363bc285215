/* gradient_loans: memory that backward is through with, under the gradients that it reaches next.
 *
 * Backward needs less and less of what forward kept, from the last layer's end to the first, and
 * writes gradients in the same order. So pages move: a step's peak holds the larger of the two,
 * not both. They move within the process, since what goes back to the system can cost more than
 * the step gains when it is touched again (a virtual machine may hand it on to its host).
 *
 *   activations   | kept: layer 0, 1, ... L-1, output | backward's scratch | forward's scratch |
 *                     ^                           |<--- then this                  |<--- first this
 *   gradient      | inputs | layer 0, 1, ...    ... L-1 | outputs |
 *                                           <--- ^
 *
 * Offsets are bytes, of whole huge pages, from the begin of either arena. Local. Private to
 * trainer/model.
 */
#ifndef TRAINER_MODEL_GRADIENT_LOANS_H
#define TRAINER_MODEL_GRADIENT_LOANS_H

#include "trainer/model/model.h"

struct loan_sources {
    size_t scratch_begin, scratch_end; /* that backward does not use */
    size_t kept_end;                   /* before it lies, from behind: */
    size_t output_bytes, layer_bytes;  /* the output, and the same for each layer */
};

struct gradient_loan {
    size_t from, to, bytes;
    int64_t layers; /* made when the final norm and the last so many layers are through */
    bool is_made;
};

struct gradient_loans {
    struct gradient_loan *list; /* by falling `to` */
    int64_t count;
    size_t bytes; /* of all */
};

void gradient_loans_plan(struct gradient_loans *loans, const struct model_config *config,
                         const struct loan_sources *sources);
void gradient_loans_release(struct gradient_loans *loans);

/* Once so many layers are through. What was under the gradient there is anything. */
void gradient_loans_make(struct gradient_loans *loans, int64_t layers, unsigned char *activations,
                         void *gradient);
/* What the gradient held there is lost. */
void gradient_loans_end(struct gradient_loans *loans, unsigned char *activations, void *gradient);

#endif
