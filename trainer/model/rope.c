#include "trainer/model/rope.h"

#include "base/portable_math.h"
#include "trainer/model/layer_plan.h"

const char *const rope_scaling_names[] = { "none", "linear", "llama3", NULL };

static const double two_pi = 6.283185307179586;

static double llama3_share(const struct rope_scaling *scaling, double frequency)
{
    const double low = scaling->low_freq_factor, high = scaling->high_freq_factor;
    const double turns = (double)scaling->original_positions * frequency / two_pi;
    if (turns <= low)
        return 1 / scaling->factor;
    if (turns >= high)
        return 1;
    const double smooth = (turns - low) / (high - low);
    return (1 - smooth) / scaling->factor + smooth;
}

double rope_frequency(const struct model_config *config, int64_t i)
{
    const double half = (double)(head_dim_of(config) / 2);
    const double frequency = portable_pow(config->rope_theta, -(double)i / half);
    switch (config->rope_scaling.kind) {
    case ROPE_NOT_SCALED:
        break;
    case ROPE_LINEAR:
        return frequency / config->rope_scaling.factor;
    case ROPE_LLAMA3:
        return frequency * llama3_share(&config->rope_scaling, frequency);
    }
    return frequency;
}

size_t rope_bytes(const struct model_config *config, int64_t positions)
{
    if (config->family != FAMILY_LLAMA)
        return 0;
    return 2 * arena_rounded((size_t)(positions * (head_dim_of(config) / 2)) * sizeof(real));
}

void rope_init(struct rope *rope, struct arena *arena, const struct model_config *config,
               int64_t positions)
{
    *rope = (struct rope){ 0 };
    if (config->family != FAMILY_LLAMA)
        return;
    const int64_t half = head_dim_of(config) / 2;
    rope->cosine = arena_take(arena, (size_t)(positions * half) * sizeof(real));
    rope->sine = arena_take(arena, (size_t)(positions * half) * sizeof(real));
    for (int64_t i = 0; i < half; i++) {
        const double frequency = rope_frequency(config, i);
        for (int64_t t = 0; t < positions; t++) {
            double sine, cosine;
            portable_sincos((double)t * frequency, &sine, &cosine);
            rope->cosine[t * half + i] = (real)cosine;
            rope->sine[t * half + i] = (real)sine;
        }
    }
}

static enum status check_llama3(const struct rope_scaling *scaling)
{
    if (!(scaling->low_freq_factor > 0 && scaling->low_freq_factor <= 1e6))
        return bad_input("rope_low_freq_factor is %g: must be above 0, and at most 1e6",
                         scaling->low_freq_factor);
    if (!(scaling->high_freq_factor > scaling->low_freq_factor && scaling->high_freq_factor <= 1e6))
        return bad_input(
            "rope_high_freq_factor is %g: must be above rope_low_freq_factor (%g), and "
            "at most 1e6",
            scaling->high_freq_factor, scaling->low_freq_factor);
    if (scaling->original_positions < 1 || scaling->original_positions > 1 << 24)
        return bad_input("rope_original_positions is %lld: must be within 1 and %d",
                         (long long)scaling->original_positions, 1 << 24);
    return STATUS_OK;
}

enum status rope_check(const struct model_config *config)
{
    const struct rope_scaling *scaling = &config->rope_scaling;
    if (!(config->rope_theta > 1 && config->rope_theta < 1e12))
        return bad_input("rope_theta is %g: must be within 1 and 1e12", config->rope_theta);
    if (scaling->kind == ROPE_NOT_SCALED)
        return STATUS_OK;
    if (!(scaling->factor >= 1 && scaling->factor <= 1e6))
        return bad_input("rope_factor is %g: must be within 1 and 1e6", scaling->factor);
    return scaling->kind == ROPE_LLAMA3 ? check_llama3(scaling) : STATUS_OK;
}
