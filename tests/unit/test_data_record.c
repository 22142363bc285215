#include "trainer/training/data_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

static char run[] = "/tmp/eon-data-record-XXXXXX";

static struct data_part part_of(int64_t from_step, char *corpus, char digit)
{
    struct data_part part = { .from_step = from_step,
                              .corpus = corpus,
                              .seed = 1,
                              .seq_len = 16,
                              .leaves = 4,
                              .leaf_sequences = 2 };
    memset(part.corpus_digest, digit, SHA256_HEX - 1);
    return part;
}

static void begin(int64_t from_step, char *corpus, char digit)
{
    const struct data_part part = part_of(from_step, corpus, digit);
    assert_int_equal(data_record_begin(run, &part), STATUS_OK);
}

static void assert_corpus_of(int64_t step, const char *corpus)
{
    struct data_record record;
    assert_int_equal(data_record_read(run, &record), STATUS_OK);
    const struct data_part *part = data_record_part(&record, step);
    assert_non_null(part);
    assert_string_equal(part->corpus, corpus);
    data_record_release(&record);
}

static void parts_follow_one_another(void **state)
{
    (void)state;
    begin(0, "first", 'a');
    begin(10, "first, moved", 'a'); /* the same data: no part */
    begin(20, "second", 'b');
    begin(30, "first", 'a');
    assert_corpus_of(0, "first");
    assert_corpus_of(19, "first");
    assert_corpus_of(20, "second");
    assert_corpus_of(29, "second");
    assert_corpus_of(1000, "first");
}

static void what_a_run_goes_back_behind_is_forgotten(void **state)
{
    (void)state;
    begin(25, "third", 'c');
    assert_corpus_of(24, "second");
    assert_corpus_of(30, "third");
    begin(15, "first", 'a');
    assert_corpus_of(25, "first");
    begin(0, "new", 'd');
    assert_corpus_of(0, "new");
}

static void another_cut_of_the_same_data_is_another_part(void **state)
{
    (void)state;
    struct data_part part = part_of(7, "new", 'd');
    struct data_record record;
    part.leaf_sequences = 1;
    assert_int_equal(data_record_begin(run, &part), STATUS_OK);
    assert_int_equal(data_record_read(run, &record), STATUS_OK);
    assert_int_equal(record.count, 2);
    assert_int_equal(data_record_part(&record, 7)->leaf_sequences, 1);
    data_record_release(&record);
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "[]",
                                         "{}",
                                         "{\"format_version\":2,\"parts\":[]}",
                                         "{\"format_version\":1,\"parts\":[3]}",
                                         "{\"format_version\":1,\"parts\":[{\"from_step\":-1}]}" };
    char *path = path_join(run, DATA_RECORD_FILE);
    struct data_record record;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(file_replace(path, texts[i], strlen(texts[i])), STATUS_OK);
        assert_int_equal(data_record_read(run, &record), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), DATA_RECORD_FILE));
    }
    memory_free(path);
}

static void a_run_without_it_has_none(void **state)
{
    (void)state;
    struct data_record record;
    assert_int_equal(data_record_read("/tmp", &record), STATUS_OK);
    assert_null(data_record_part(&record, 0));
    data_record_release(&record);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(run) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    if (folder_remove(run) != STATUS_OK)
        return -1;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_one_another),
        cmocka_unit_test(what_a_run_goes_back_behind_is_forgotten),
        cmocka_unit_test(another_cut_of_the_same_data_is_another_part),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_run_without_it_has_none),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
