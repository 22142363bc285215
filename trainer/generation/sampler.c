#include "trainer/generation/sampler.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/philox.h"
#include "base/portable_math.h"

struct candidate {
    double weight; /* the logit, then its unnormalised probability */
    int32_t id;
};

struct sampler {
    struct sampler_settings settings;
    int64_t vocab_size;
    struct candidate *candidates; /* [vocab_size] */
};

struct sampler *sampler_create(const struct sampler_settings *settings, int64_t vocab_size)
{
    struct sampler *sampler = memory_alloc(sizeof *sampler);
    sampler->settings = *settings;
    sampler->vocab_size = vocab_size;
    sampler->candidates = memory_alloc(sizeof *sampler->candidates * (size_t)vocab_size);
    return sampler;
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return;
    memory_free(sampler->candidates);
    memory_free(sampler);
}

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Turns the first `count` logits, sorted, into weights; returns their sum. */
static double weigh(struct sampler *sampler, int64_t count)
{
    struct candidate *candidates = sampler->candidates;
    double largest = candidates[0].weight, sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double exponent = (candidates[i].weight - largest) / sampler->settings.temperature;
        candidates[i].weight = exponent > -700.0 ? portable_exp(exponent) : 0.0;
        sum += candidates[i].weight;
    }
    return sum;
}

/* How many of the `count` candidates it takes to reach top_p; their weight in *sum. */
static int64_t nucleus(const struct sampler *sampler, int64_t count, double *sum)
{
    double reached = 0.0;
    for (int64_t i = 0; i < count; i++) {
        reached += sampler->candidates[i].weight;
        if (reached >= sampler->settings.top_p * *sum) {
            *sum = reached;
            return i + 1;
        }
    }
    return count;
}

static int32_t most_probable(const real *logits, int64_t vocab_size)
{
    int64_t best = 0;
    for (int64_t id = 1; id < vocab_size; id++)
        if (logits[id] > logits[best])
            best = id;
    return (int32_t)best;
}

int32_t sampler_draw(struct sampler *sampler, const real *logits, int64_t sample, int64_t position)
{
    const struct sampler_settings *settings = &sampler->settings;
    struct candidate *candidates = sampler->candidates;
    if (settings->temperature == 0.0)
        return most_probable(logits, sampler->vocab_size);
    for (int64_t i = 0; i < sampler->vocab_size; i++)
        candidates[i] = (struct candidate){ logits[i], (int32_t)i };
    qsort(candidates, (size_t)sampler->vocab_size, sizeof *candidates, compare_candidates);

    int64_t count = sampler->vocab_size;
    if (settings->top_k > 0 && settings->top_k < count)
        count = settings->top_k;
    double sum = weigh(sampler, count);
    count = nucleus(sampler, count, &sum);

    struct philox_key key = philox_key(settings->seed, RANDOM_SAMPLE_TOKEN);
    double left = sum * philox_uniform(key, (uint64_t)sample, (uint64_t)position);
    for (int64_t i = 0; i < count - 1; i++) {
        left -= candidates[i].weight;
        if (left < 0.0)
            return candidates[i].id;
    }
    return candidates[count - 1].id;
}
