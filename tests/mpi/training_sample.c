#include "tests/mpi/training_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/corpus_builder.h"
#include "shards/tokenizer/tokenizer_trainer.h"
#include "tests/mpi/mpi_test.h"

#define FIRST_SHARD "corpus/train-00000.h5"

enum { VOCAB = 300, DOCUMENTS = 40, WORDS_OF_DOCUMENT = 600 };

static void must(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("%s", status_message());
}

/* Words of letters with an uneven distribution: there is something to learn. */
static void add_word(struct strbuf *text, uint64_t bits)
{
    for (int letters = 2 + (int)(bits & 3); letters > 0; letters--) {
        bits = test_bits(bits % 50, (uint64_t)letters);
        strbuf_add_char(text, (char)('a' + (bits % 26) * (bits % 5) / 4));
    }
    strbuf_add_char(text, ' ');
}

static void write_text(const char *path)
{
    struct strbuf text = STRBUF_INIT;
    for (uint64_t document = 0; document < DOCUMENTS; document++) {
        strbuf_addf(&text, "Document %d\n", (int)document);
        for (uint64_t word = 0; word < WORDS_OF_DOCUMENT; word++)
            add_word(&text, test_bits(document, word));
        strbuf_add_char(&text, '\n');
    }
    must(file_replace(path, text.bytes, text.length));
    strbuf_release(&text);
}

static void write_tokenizer(const char *text_path, const char *path)
{
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct strbuf text = STRBUF_INIT;
    struct tokenizer *tokenizer;
    must(file_read(text_path, 1 << 24, &text));
    tokenizer_trainer_add(trainer, text.bytes, text.length);
    must(tokenizer_trainer_finish(trainer, VOCAB, &tokenizer));
    must(tokenizer_write(tokenizer, path));
    tokenizer_free(tokenizer);
    tokenizer_trainer_free(trainer);
    strbuf_release(&text);
}

static void build_corpus(void)
{
    const char *const inputs[] = { "text.txt" };
    struct corpus_manifest manifest;
    struct corpus_plan plan = {
        .tokenizer = "tokenizer.json",
        .out = "corpus",
        .inputs = inputs,
        .input_count = 1,
        .documents = { .text = { .document_start = "^Document " } },
        .holdout = 0.1,
        .shard_tokens = 1000000,
        .lot_bytes = 1 << 20,
        .threads = 1,
    };
    write_text("text.txt");
    write_tokenizer("text.txt", "tokenizer.json");
    must(corpus_build(&plan, NULL, &manifest));
    corpus_manifest_release(&manifest);
}

static char *new_folder(void)
{
    const char *parent = getenv("TMPDIR");
    struct strbuf path = STRBUF_INIT;
    strbuf_addf(&path, "%s/eon-training-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(path.bytes));
    char *folder = memory_copy_string(path.bytes);
    strbuf_release(&path);
    return folder;
}

static void set_defaults(struct training_sample *sample)
{
    static const char *const values[][2] = { { "corpus", "corpus" },    { "layers", "1" },
                                             { "width", "16" },         { "heads", "2" },
                                             { "seq_len", "16" },       { "leaves", "2" },
                                             { "micro_batch", "2" },    { "threads", "1" },
                                             { "leaf_sequences", "2" }, { "warmup_steps", "0" },
                                             { "steps", "1000" },       { "schedule", "constant" },
                                             { "log_every", "1" },      { "save_every", "1000" } };
    options_set_defaults(train_options, &sample->config);
    char *run = path_join(sample->shared_folder, "run");
    must(options_set(train_options, &sample->config, "run", run, "test"));
    memory_free(run);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        must(options_set(train_options, &sample->config, values[i][0], values[i][1], "test"));
    must(train_config_complete(&sample->config));
}

int training_sample_setup(void **state)
{
    struct training_sample *sample = memory_alloc_zeroed(1, sizeof *sample);
    char shared[512];
    sample->own_folder = new_folder();
    snprintf(shared, sizeof shared, "%s", sample->own_folder);
    world_broadcast(&test_world, shared, sizeof shared, 0);
    sample->shared_folder = memory_copy_string(shared);
    assert_int_equal(chdir(sample->own_folder), 0);
    build_corpus();
    set_defaults(sample);
    world_barrier(&test_world);
    *state = sample;
    return 0;
}

int training_sample_teardown(void **state)
{
    struct training_sample *sample = *state;
    world_barrier(&test_world);
    options_release(train_options, &sample->config);
    assert_int_equal(chdir("/"), 0);
    must(folder_remove(sample->own_folder));
    memory_free(sample->own_folder);
    memory_free(sample->shared_folder);
    memory_free(sample);
    return 0;
}

void training_sample_set(struct training_sample *sample, const char *key, const char *value)
{
    must(options_set(train_options, &sample->config, key, value, "test"));
    must(train_config_complete(&sample->config));
}

void training_sample_set_all(struct training_sample *sample, const char *const (*settings)[2])
{
    for (; (*settings)[0]; settings++)
        training_sample_set(sample, (*settings)[0], (*settings)[1]);
}

void training_sample_open(const struct training_sample *sample, struct trainer *trainer)
{
    must(trainer_open(trainer, &test_world, &sample->config));
    trainer_start_reading(trainer);
}

enum status training_step(struct trainer *trainer)
{
    struct step_report report;
    return train_step(trainer, trainer->progress.step, &report);
}

struct step_report training_must_step(struct trainer *trainer)
{
    struct step_report report;
    must(train_step(trainer, trainer->progress.step, &report));
    return report;
}

void test_flip_a_bit(float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    bits ^= 1;
    memcpy(value, &bits, sizeof bits);
}

void training_sample_damage_shard(void)
{
    FILE *file = fopen(FIRST_SHARD, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long middle = ftell(file) / 2;
    assert_int_equal(fseek(file, middle, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, middle, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}
