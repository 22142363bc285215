#include "trainer/training/run_state.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "comm/world_text.h"
#include "trainer/model/huggingface_config.h"
#include "trainer/training/run_tensors.h"

#define STATE_VERSION 1
#define TOKENS_MAX    ((int64_t)1 << 62)

static void print_json(struct json *json, struct strbuf *text)
{
    json_print(json, JSON_INDENTED, text);
    strbuf_add_char(text, '\n');
    json_free(json);
}

static void write_json(struct checkpoint_writer *writer, const char *name, struct json *json)
{
    struct strbuf text = STRBUF_INIT;
    print_json(json, &text);
    checkpoint_writer_add_text(writer, name, text.bytes, text.length);
    strbuf_release(&text);
}

static struct json *state_to_json(const struct trainer *trainer)
{
    const struct train_progress *progress = &trainer->progress;
    struct json *digested = json_new_object();
    json_put_integer(digested, "step", progress->step);
    json_put_integer(digested, "tokens", progress->tokens);
    json_put_integer(digested, "skipped", progress->skipped);
    json_put_integer(digested, "skipped_in_a_row", progress->skipped_in_a_row);

    struct json *state = json_new_object();
    json_put_integer(state, "format_version", STATE_VERSION);
    json_put(state, "digested", digested);
    json_put_number(state, "loss", progress->loss);
    if (trainer->validated_step == progress->step)
        json_put_number(state, "validation_loss", trainer->validation_loss);
    json_put_text(state, "optimizer", optimizer_names[trainer->groups[0].optimizer.settings.kind]);
    if (trainer->outer)
        json_put_integer(state, "groups", trainer->config->groups);
    json_put_text(state, "kernels", trainer->kernels.name);
    json_put_text(state, "corpus_digest", trainer->mixture->digest);
    json_put(state, "ledger", compute_ledger_to_json(&trainer->ledger));
    return state;
}

/* One token begins and ends a document. */
static struct json *tokenizer_config(const struct tokenizer *tokenizer)
{
    struct json *json = json_new_object();
    struct strbuf name = STRBUF_INIT;
    tokenizer_token_name(tokenizer, tokenizer_end_of_text(tokenizer), &name);
    json_put_text(json, "tokenizer_class", "PreTrainedTokenizerFast");
    json_put_text(json, "bos_token", name.bytes);
    json_put_text(json, "eos_token", name.bytes);
    strbuf_release(&name);
    return json;
}

static void write_descriptions(const struct trainer *trainer, struct checkpoint_writer *writer,
                               const struct strbuf *state)
{
    struct strbuf tokenizer = STRBUF_INIT;
    tokenizer_print(trainer->tokenizer, &tokenizer);
    checkpoint_writer_add_text(writer, "tokenizer.json", tokenizer.bytes, tokenizer.length);
    strbuf_release(&tokenizer);

    int32_t end_of_text = tokenizer_end_of_text(trainer->tokenizer);
    write_json(writer, "tokenizer_config.json", tokenizer_config(trainer->tokenizer));
    write_json(writer, "config.json",
               huggingface_config_print(&trainer->model.config, end_of_text));
    checkpoint_writer_add_text(writer, "state.json", state->bytes, state->length);
}

/* The ledger is rank 0's: where several nodes write a state, it is that one. */
void run_state_write(const struct trainer *trainer, struct checkpoint_writer *writer, bool is_local)
{
    const struct world *world = trainer->world;
    struct strbuf text = STRBUF_INIT;
    run_tensors_write(trainer, writer);
    if (world->rank == 0)
        print_json(state_to_json(trainer), &text);
    if (is_local)
        world_share_text(world, &text);
    if ((is_local ? world->node_rank : world->rank) == 0)
        write_descriptions(trainer, writer, &text);
    strbuf_release(&text);
}

static enum status require_text(const struct trainer *trainer, const struct json *state,
                                const char *key, const char *expected, const char *source)
{
    const char *text;
    TRY(json_need_text(state, key, source, &text));
    if (strcmp(text, expected) == 0)
        return STATUS_OK;
    if (!trainer->config->accept_changes)
        return bad_input("cannot resume from '%s': its %s is %s and this run's is %s; give the "
                         "same, or --accept_changes",
                         source, key, text, expected);
    log_info("resuming with another %s: %s, was %s", key, expected, text);
    return STATUS_OK;
}

/* The moments of one optimizer mean nothing to another: no setting makes up for that. */
static enum status require_optimizer(const struct trainer *trainer, const struct json *state,
                                     const char *source)
{
    const char *saved, *own = optimizer_names[trainer->groups[0].optimizer.settings.kind];
    TRY(json_need_text(state, "optimizer", source, &saved));
    if (strcmp(saved, own) != 0)
        return bad_input("cannot resume from '%s': its optimizer is %s and this run's is %s",
                         source, saved, own);
    return STATUS_OK;
}

/* Nor what groups have trained to another number of them. */
static enum status require_groups(const struct trainer *trainer, const struct json *state,
                                  const char *source)
{
    int64_t saved = 1, own = trainer->config->groups;
    if (json_member(state, "groups"))
        TRY(json_need_integer(state, "groups", 2, INT32_MAX, source, &saved));
    if (saved != own)
        return bad_input(
            "cannot resume from '%s': its number of groups is %lld and this run has %lld", source,
            (long long)saved, (long long)own);
    return STATUS_OK;
}

enum status run_state_read(struct trainer *trainer, const struct checkpoint *checkpoint)
{
    const char *source = checkpoint_folder(checkpoint);
    const struct json *state = checkpoint_state(checkpoint), *digested, *ledger;
    struct train_progress *progress = &trainer->progress;
    int64_t version, saved_at = checkpoint_step(checkpoint);

    TRY(json_need_integer(state, "format_version", STATE_VERSION, STATE_VERSION, source, &version));
    TRY(json_need_kind(state, "digested", JSON_KIND_OBJECT, source, &digested));
    TRY(json_need_integer(digested, "step", saved_at, saved_at, source, &progress->step));
    TRY(json_need_integer(digested, "tokens", 0, TOKENS_MAX, source, &progress->tokens));
    TRY(json_need_integer(digested, "skipped", 0, progress->step, source, &progress->skipped));
    TRY(json_need_integer(digested, "skipped_in_a_row", 0, progress->skipped, source,
                          &progress->skipped_in_a_row));
    for (int i = 0; i < trainer->group_count; i++)
        trainer->groups[i].optimizer.updates = progress->step - progress->skipped;

    TRY(require_optimizer(trainer, state, source));
    TRY(require_groups(trainer, state, source));
    TRY(require_text(trainer, state, "kernels", trainer->kernels.name, source));
    if (json_member(state, "blas_core"))
        log_warning("'%s' was trained with OpenBLAS's products: from here on the bits are those of "
                    "eon's own",
                    source);
    TRY(require_text(trainer, state, "corpus_digest", trainer->mixture->digest, source));
    TRY(json_need_kind(state, "ledger", JSON_KIND_OBJECT, source, &ledger));
    return compute_ledger_from_json(ledger, source, &trainer->ledger);
}

enum status run_state_load(struct trainer *trainer, struct checkpoint *checkpoint)
{
    enum status status = run_tensors_read(trainer, checkpoint);
    node_vector_publish(trainer->parameters);
    for (int i = 0; i < trainer->group_count; i++)
        node_vector_publish(trainer->groups[i].parameters);
    return status;
}
