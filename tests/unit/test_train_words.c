#include "trainer/jobs/train_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static enum status read(struct train_config *config, const char *const *words)
{
    int count = 0;
    while (words[count])
        count++;
    return train_words_read(words, count, config);
}

static void words_mean_the_settings_that_they_came_from(void **state)
{
    (void)state;
    const char *const given[] = { "--corpus=a b", "--run=it's $(x)",  "--lr=0.1",  "--steps=7",
                                  "--groups=2",   "--warmup_steps=3", "--profile", NULL };
    struct train_config config, again;
    struct word_list words = WORD_LIST_INIT;
    assert_int_equal(read(&config, given), STATUS_OK);
    train_words_add(&words, &config);
    assert_int_equal(read(&again, (const char *const *)words.words), STATUS_OK);
    assert_string_equal(again.corpus, "a b");
    assert_string_equal(again.run, "it's $(x)");
    assert_true(again.lr == 0.1 && again.steps == 7 && again.warmup_steps == 3 && again.profile);
    options_release(train_options, &config);
    options_release(train_options, &again);
    word_list_release(&words);
}

static void defaults_are_not_among_them(void **state)
{
    (void)state;
    struct train_config config;
    struct word_list words = WORD_LIST_INIT;
    memset(&config, 0, sizeof config);
    options_set_defaults(train_options, &config);
    config.corpus = memory_copy_string("c");
    config.run = memory_copy_string("r");
    train_words_add(&words, &config);
    assert_int_equal(words.count, 2);
    options_release(train_options, &config);
    word_list_release(&words);
}

static void a_config_among_them_is_read(void **state)
{
    (void)state;
    const char *ini = "[optimizer]\nlr = 0.25\nwarmup_steps = 1\n[run]\nsteps = 9\n";
    const char *const given[] = { "my.ini", "--corpus=c", "--run=r", "--steps=8", NULL };
    struct train_config config;
    assert_int_equal(file_replace("my.ini", ini, strlen(ini)), STATUS_OK);
    assert_int_equal(read(&config, given), STATUS_OK);
    assert_true(config.lr == 0.25 && config.steps == 8);
    options_release(train_options, &config);
}

static void wrong_words_are_refused(void **state)
{
    (void)state;
    struct train_config config;
    assert_int_equal(
        read(&config, (const char *const[]){ "--corpus=c", "--run=r", "--stesp=1", NULL }),
        STATUS_BAD_INPUT);
    options_release(train_options, &config);
    assert_int_equal(read(&config, (const char *const[]){ "--corpus=c", NULL }), STATUS_BAD_INPUT);
    options_release(train_options, &config);
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_mean_the_settings_that_they_came_from),
        cmocka_unit_test(defaults_are_not_among_them),
        cmocka_unit_test(a_config_among_them_is_read),
        cmocka_unit_test(wrong_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
