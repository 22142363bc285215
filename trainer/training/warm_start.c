#include "trainer/training/warm_start.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "trainer/model/huggingface_config.h"
#include "trainer/training/model_loading.h"

static void print_member(const struct json *object, const char *key, struct strbuf *out)
{
    const struct json *value = json_member(object, key);
    strbuf_reset(out);
    if (value)
        json_print(value, JSON_COMPACT, out);
    else
        strbuf_add_string(out, "not there");
}

static enum status require_same_member(const struct json *own, const struct json *other,
                                       const char *key, const char *source, const char *remedy)
{
    struct strbuf mine = STRBUF_INIT, theirs = STRBUF_INIT;
    enum status status = STATUS_OK;
    print_member(own, key, &mine);
    print_member(other, key, &theirs);
    if (strcmp(mine.bytes, theirs.bytes) != 0)
        status = bad_input("cannot begin with the weights of '%s': its %s is %s, and this run's "
                           "is %s%s",
                           source, key, theirs.bytes, mine.bytes, remedy);
    strbuf_release(&mine);
    strbuf_release(&theirs);
    return status;
}

/* By the keys of config.json, which are those that people know. Llama's positions have no weights:
 * more of them are no other model, and slower ones are the one that a longer context is learned
 * with, if they are meant. */
static enum status require_same_model(const struct json *own, const struct json *other,
                                      const char *source, bool accept_changes)
{
    const struct json *value;
    const char *key;
    for (void *cursor = NULL; json_next_member(own, &cursor, &key, &value);)
        if (strcmp(key, "max_position_embeddings") != 0 && strcmp(key, "rope_scaling") != 0)
            TRY(require_same_member(own, other, key, source, ""));
    if (!accept_changes) /* by its name, since a model without has no such member */
        TRY(require_same_member(own, other, "rope_scaling", source,
                                "; give the same, or --accept_changes"));
    return STATUS_OK;
}

static enum status check_model(const struct trainer *trainer, const char *folder)
{
    const int32_t end_of_text = tokenizer_end_of_text(trainer->tokenizer);
    struct model_config config;
    struct document_tokens documents;
    TRY(model_read_config(folder, &config, &documents));
    struct json *own = huggingface_config_print(&trainer->model.config, end_of_text);
    struct json *other = huggingface_config_print(&config, end_of_text);
    enum status status = require_same_model(own, other, folder, trainer->config->accept_changes);
    json_free(own);
    json_free(other);
    return status;
}

static enum status compare_tokenizer(const struct trainer *trainer, const char *path,
                                     const char *folder)
{
    struct tokenizer *tokenizer;
    if (!file_exists(path)) /* an imported model may have none */
        return bad_input("cannot begin with the weights of '%s': it has no tokenizer.json, so "
                         "whether the corpus has its tokens is for you to say, by --accept_changes",
                         folder);
    TRY(tokenizer_read(path, &tokenizer));
    const bool is_same =
        strcmp(tokenizer_digest(tokenizer), tokenizer_digest(trainer->tokenizer)) == 0;
    tokenizer_free(tokenizer);
    if (is_same)
        return STATUS_OK;
    return bad_input(
        "cannot begin with the weights of '%s': its tokenizer is not the corpus'; give "
        "another corpus, or --accept_changes",
        folder);
}

/* The rows of the embedding mean nothing to another vocabulary. */
static enum status check_tokenizer(const struct trainer *trainer, const char *folder)
{
    if (trainer->config->accept_changes)
        return STATUS_OK;
    char *path = path_join(folder, "tokenizer.json");
    enum status status = compare_tokenizer(trainer, path, folder);
    memory_free(path);
    return status;
}

/* By one rank of each node: its ranks share the parameters. */
static enum status load(struct trainer *trainer)
{
    struct checkpoint *checkpoint;
    TRY(checkpoint_open_newest(trainer->config->init_from, &checkpoint));
    const char *folder = checkpoint_folder(checkpoint);
    enum status status = check_model(trainer, folder);
    if (status == STATUS_OK)
        status = check_tokenizer(trainer, folder);
    if (status == STATUS_OK)
        status = model_read_weights(checkpoint, &trainer->model);
    if (status == STATUS_OK)
        log_info("run '%s' begins with the weights of '%s'", trainer->config->run, folder);
    checkpoint_close(checkpoint);
    return status;
}

enum status warm_start(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    enum status status = world->node_rank == 0 ? load(trainer) : STATUS_OK;
    node_vector_publish(trainer->parameters);
    TRY(world_agree(world, status));
    for (int i = 0; i < trainer->group_count && trainer->outer; i++)
        train_group_start_from(&trainer->groups[i], trainer->model.parameters);
    return STATUS_OK;
}
