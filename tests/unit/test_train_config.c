#include "trainer/training/train_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static void set(struct train_config *config, const char *key, const char *value)
{
    assert_int_equal(options_set(train_options, config, key, value, "test"), STATUS_OK);
}

/* Defaults but for the `changes`, KEY and VALUE in turn, ended by NULL; then completed. */
static enum status make(struct train_config *config, const char *const *changes)
{
    options_set_defaults(train_options, config);
    set(config, "run", "RUN");
    set(config, "corpus", "CORPUS");
    for (int i = 0; changes[i]; i += 2)
        set(config, changes[i], changes[i + 1]);
    return train_config_complete(config);
}

#define CHANGES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void what_is_left_to_be_derived_is_filled_in(void **state)
{
    (void)state;
    struct train_config config;
    assert_int_equal(make(&config, CHANGES("width", "100", "heads", "5")), STATUS_OK);
    assert_int_equal(config.micro_batch, config.leaf_sequences);
    assert_int_equal(config.kv_heads, 5);
    assert_int_equal(config.ffn_width, 320); /* 8/3 of 100, up to a multiple of 64 */
    assert_int_equal(config.max_positions, config.seq_len);
    options_release(train_options, &config);

    const char *const *gpt2 =
        CHANGES("family", "gpt2", "width", "100", "heads", "5", "tied_head", "no");
    assert_int_equal(make(&config, gpt2), STATUS_OK);
    assert_int_equal(config.ffn_width, 400);
    assert_false(config.tied_head);
    options_release(train_options, &config);
}

static void what_does_not_fit_together_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *changes[7], *message;
    } cases[] = {
        { { "leaf_sequences", "6", "micro_batch", "4" }, "micro_batch (4) does not divide" },
        { { "groups", "3", "leaves", "8" }, "groups (3) does not divide leaves (8)" },
        { { "max_positions", "100", "seq_len", "101" }, "seq_len (101) is longer" },
        { { "lr", "0.1", "lr_min", "0.2" }, "lr_min (0.2) is above lr (0.1)" },
        { { "steps", "10", "warmup_steps", "11" }, "warmup_steps (11) is above steps (10)" },
        { { "steps", "1e12", "leaves", "65536", "leaf_sequences", "65536" }, "sequences" },
        { { "resume", "12x" }, "'12x' is not 'auto', 'no' or a step" },
        { { "resume", "" }, "'' is not 'auto', 'no' or a step" },
        { { "resume", "9999999999999" }, "is not 'auto', 'no' or a step" },
        { { "run", "" }, "the run's folder has no name" },
        { { "local_save_every", "5" }, "local_save_every (5) needs a checkpoint_local_dir" },
        { { "checkpoint_local_dir", "x", "share_memory", "no" }, "needs share_memory" },
        { { "heads", "3" }, "width 256 is not a multiple of heads 3" },
        { { "head_dim", "7" }, "head_dim is 7: must be even" },
        { { "family", "gpt2", "head_dim", "64" }, "head_dim must be 0" },
        { { "family", "gpt2", "mlp_bias", "yes" }, "attention_bias and mlp_bias are llama's" },
        { { "family", "gpt2", "rope_scaling", "linear" }, "rope_scaling must be none" },
        { { "rope_scaling", "llama3", "rope_high_freq_factor", "1" },
          "rope_high_freq_factor is 1: must be above rope_low_freq_factor (1)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct train_config config;
        assert_int_equal(make(&config, cases[i].changes), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), cases[i].message));
        options_release(train_options, &config);
    }
}

/* Writes the settings of a run, and compares those with `changes`. */
static enum status compare(const char *const *changes)
{
    char folder[] = "/tmp/eon-train-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "config.ini");
    struct train_config config;
    struct strbuf saved = STRBUF_INIT;
    assert_int_equal(make(&config, CHANGES("seed", "7")), STATUS_OK);
    options_print_ini(train_options, &config, &saved);
    assert_int_equal(file_replace(path, saved.bytes, saved.length), STATUS_OK);
    options_release(train_options, &config);

    assert_int_equal(make(&config, changes), STATUS_OK);
    enum status status = train_config_require_same(&config, path);
    options_release(train_options, &config);
    strbuf_release(&saved);
    memory_free(path);
    assert_int_equal(folder_remove(folder), STATUS_OK);
    return status;
}

static void a_setting_that_decides_bits_may_not_change(void **state)
{
    (void)state;
    assert_int_equal(compare(CHANGES("seed", "7")), STATUS_OK);
    assert_int_equal(compare(CHANGES("seed", "8")), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'seed' was 7 and is 8"));
    assert_int_equal(compare(CHANGES("seed", "7", "micro_batch", "2")), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'micro_batch' was 4 and is 2"));
}

/* What a run began with before there were these keys is what their defaults say. */
static void a_setting_that_an_older_run_did_not_know_has_its_default(void **state)
{
    (void)state;
    static const char *const keys[] = { "attention_bias", "mlp_bias", "head_dim", "rope_scaling" };
    static const char *const others[] = { "true", "true", "32", "linear" };
    char folder[] = "/tmp/eon-train-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "config.ini");
    static const char before[] = "[run]\nrun = RUN\nseed = 7\nmicro_batch = 4\n"
                                 "[model]\nkv_heads = 4\nffn_width = 704\nmax_positions = 256\n";
    assert_int_equal(file_replace(path, before, sizeof before - 1), STATUS_OK);
    struct train_config config;
    assert_int_equal(make(&config, CHANGES("seed", "7")), STATUS_OK);
    assert_int_equal(train_config_require_same(&config, path), STATUS_OK);
    options_release(train_options, &config);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(make(&config, CHANGES("seed", "7", keys[i], others[i])), STATUS_OK);
        assert_int_equal(train_config_require_same(&config, path), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), keys[i]));
        options_release(train_options, &config);
    }
    memory_free(path);
    assert_int_equal(folder_remove(folder), STATUS_OK);
}

static void a_setting_that_decides_no_bits_may_change(void **state)
{
    (void)state;
    assert_int_equal(compare(CHANGES("seed", "7", "threads", "3", "save_every", "9", "log_every",
                                     "2", "run", "MOVED", "max_skipped", "4")),
                     STATUS_OK);
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_to_be_derived_is_filled_in),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(a_setting_that_decides_bits_may_not_change),
        cmocka_unit_test(a_setting_that_an_older_run_did_not_know_has_its_default),
        cmocka_unit_test(a_setting_that_decides_no_bits_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
