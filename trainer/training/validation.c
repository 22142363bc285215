#include "trainer/training/validation.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { VALUE_LOSS, VALUE_TARGETS, VALUE_BYTES, VALUE_FLOPS, VALUES };

/* Sequence `place` of this rank's buffers: inputs are the first seq_len tokens of a sample,
 * targets the last. */
static enum status read_sequence(struct validation *validation, struct corpus_mixture *held_out,
                                 int64_t sample, int64_t place, int32_t *sample_tokens)
{
    const int64_t seq_len = validation->plan.seq_len, row = place * seq_len;
    size_t bytes = (size_t)seq_len * sizeof(int32_t);
    TRY(corpus_mixture_read_evenly(held_out, sample, validation->sequences, sample_tokens,
                                   validation->document_starts ? validation->document_starts + row
                                                               : NULL));
    memcpy(validation->tokens + row, sample_tokens, bytes);
    memcpy(validation->targets + row, sample_tokens + 1, bytes);
    return STATUS_OK;
}

/* The samples of this rank's batches; what the last batch lacks is padding. */
static enum status read_share(struct validation *validation, struct corpus_mixture *held_out)
{
    const struct validation_plan *plan = &validation->plan;
    int64_t first = validation->own.first * plan->batch_sequences;
    int64_t end = validation->own.end * plan->batch_sequences;
    size_t elements = (size_t)((end - first) * plan->seq_len);
    validation->tokens = memory_alloc_zeroed(elements, sizeof(int32_t));
    validation->targets = memory_alloc(sizeof(int32_t) * elements);
    memset(validation->targets, -1, sizeof(int32_t) * elements);
    if (plan->document_mask)
        validation->document_starts = memory_alloc_zeroed(elements, sizeof(int32_t));

    int32_t *sample_tokens = memory_alloc(sizeof(int32_t) * (size_t)(plan->seq_len + 1));
    enum status status = STATUS_OK;
    for (int64_t sample = first;
         sample < end && sample < validation->sequences && status == STATUS_OK; sample++)
        status = read_sequence(validation, held_out, sample, sample - first, sample_tokens);
    memory_free(sample_tokens);
    return status;
}

enum status validation_open(struct validation *validation, const struct world *world,
                            const struct corpus_mixture *mixture, const struct tokenizer *tokenizer,
                            const struct validation_plan *plan)
{
    *validation = (struct validation){ .plan = *plan, .tokenizer = tokenizer };
    struct corpus_mixture *held_out;
    TRY(corpus_mixture_open_beside(mixture, SPLIT_HELDOUT, &held_out));
    int64_t sequences = corpus_mixture_sample_count(held_out);
    if (plan->sequences > 0 && plan->sequences < sequences)
        sequences = plan->sequences;
    validation->sequences = sequences;
    validation->batches = (sequences + plan->batch_sequences - 1) / plan->batch_sequences;
    validation->own = leaf_range_of_rank(validation->batches, world->rank, world->size);
    enum status status = read_share(validation, held_out);
    corpus_mixture_close(held_out);
    return status;
}

void validation_release(struct validation *validation)
{
    memory_free(validation->tokens);
    memory_free(validation->targets);
    memory_free(validation->document_starts);
    validation->tokens = validation->targets = validation->document_starts = NULL;
}

static double bytes_of_targets(const struct tokenizer *tokenizer, const struct batch *batch)
{
    double bytes = 0.0;
    int32_t end_of_text = tokenizer_end_of_text(tokenizer); /* stands for no byte of the text */
    for (int64_t i = 0; i < batch->sequences * batch->positions; i++) {
        if (batch->targets[i] >= 0 && batch->targets[i] != end_of_text)
            bytes += (double)tokenizer_decoded_bytes(tokenizer, batch->targets[i],
                                                     batch->tokens[i] == end_of_text);
    }
    return bytes;
}

struct validation_result validation_run(const struct validation *validation,
                                        const struct world *world, struct model *model,
                                        struct kernels *kernels, struct activations *activations)
{
    int64_t own = validation->own.end - validation->own.first;
    const int64_t batch_sequences = validation->plan.batch_sequences;
    const struct batch whole = {
        .sequences = own * batch_sequences,
        .positions = validation->plan.seq_len,
        .tokens = validation->tokens,
        .targets = validation->targets,
        .document_starts = validation->document_starts,
    };
    double *values = memory_alloc_zeroed((size_t)(own * VALUES), sizeof *values);

    for (int64_t i = 0; i < own; i++) {
        const struct batch batch = batch_part(&whole, i * batch_sequences, batch_sequences);
        int64_t flops_before = kernels->flops;
        model_forward(model, kernels, &batch, activations);
        struct loss loss = model_loss(model, kernels, &batch, activations, 0, NULL, false);
        values[i * VALUES + VALUE_LOSS] = loss.sum;
        values[i * VALUES + VALUE_TARGETS] = (double)loss.targets;
        values[i * VALUES + VALUE_FLOPS] = (double)(kernels->flops - flops_before);
        values[i * VALUES + VALUE_BYTES] = bytes_of_targets(validation->tokenizer, &batch);
    }

    double total[VALUES] = { 0 };
    if (validation->batches > 0)
        leaf_values_reduce(world, validation->batches, values, VALUES, total);
    memory_free(values);
    return (struct validation_result){
        .loss = total[VALUE_LOSS] / total[VALUE_TARGETS],
        .bits_per_byte = total[VALUE_LOSS] / log(2.0) / total[VALUE_BYTES],
        .targets = (int64_t)total[VALUE_TARGETS],
        .executed_flops = total[VALUE_FLOPS],
    };
}
