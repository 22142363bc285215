#include "trainer/optimizer/adamw.h"

#include "base/portable_math.h"

struct adamw_scalars adamw_scalars_at(const struct adamw_settings *settings, int64_t update,
                                      double learning_rate, double gradient_scale)
{
    return (struct adamw_scalars){
        .lr = learning_rate,
        .beta1 = settings->beta1,
        .beta2 = settings->beta2,
        .epsilon = settings->epsilon,
        .gradient_scale = gradient_scale,
        .bias_correction1 = 1.0 - portable_pow_integer(settings->beta1, update),
        .bias_correction2 = 1.0 - portable_pow_integer(settings->beta2, update),
    };
}
