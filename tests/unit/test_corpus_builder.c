#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/corpus_builder.h"
#include "shards/tokenizer/tokenizer_trainer.h"

enum { FILES = 3, DOCUMENTS = 200 };

static char folder[] = "/tmp/eon-corpus-builder-XXXXXX";
static const char *const inputs[FILES] = { "a.txt", "b.txt", "c.txt" };

/* Document d of all has words of its own; some documents come twice. */
static void add_text(struct strbuf *text, int first)
{
    for (int i = 0; i < DOCUMENTS; i++) {
        int d = first + i % 150;
        strbuf_addf(text, "# %d\n", d);
        for (int word = 0; word < 40; word++)
            strbuf_addf(text, "w%d ", (d * 31 + word * word) % 997);
        strbuf_add_string(text, "\n");
    }
}

static int write_inputs(void **state)
{
    struct strbuf all = STRBUF_INIT, text = STRBUF_INIT;
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct tokenizer *tokenizer;
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    for (int i = 0; i < FILES; i++) {
        strbuf_reset(&text);
        add_text(&text, 100 * i);
        strbuf_add(&all, text.bytes, text.length);
        assert_int_equal(file_replace(inputs[i], text.bytes, text.length), STATUS_OK);
    }
    tokenizer_trainer_add(trainer, all.bytes, all.length);
    assert_int_equal(tokenizer_trainer_finish(trainer, 400, &tokenizer), STATUS_OK);
    assert_int_equal(tokenizer_write(tokenizer, "tokenizer.json"), STATUS_OK);
    tokenizer_free(tokenizer);
    tokenizer_trainer_free(trainer);
    strbuf_release(&all);
    strbuf_release(&text);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static struct corpus_plan plan_for(const char *out)
{
    return (struct corpus_plan){
        .tokenizer = "tokenizer.json",
        .out = out,
        .inputs = inputs,
        .input_count = FILES,
        .documents = { .text = { .document_start = "^# " } },
        .deduplicate = DEDUPLICATE_EXACT,
        .dedup_memory = 1 << 20,
        .holdout = 0.1,
        .shard_tokens = 5000,
        .lot_bytes = 4096,
        .threads = 2,
    };
}

static void build(const struct corpus_plan *plan, char digest[SHA256_HEX])
{
    struct corpus_manifest manifest;
    if (corpus_build(plan, NULL, &manifest) != STATUS_OK)
        fail_msg("%s", status_message());
    corpus_manifest_digest(&manifest, digest);
    corpus_manifest_release(&manifest);
}

static void expect_same_as(const struct corpus_plan *plan)
{
    char digest[SHA256_HEX], expected[SHA256_HEX];
    struct corpus_plan whole = plan_for("expected");
    whole.overwrite = true;
    build(&whole, expected);
    build(plan, digest);
    assert_string_equal(digest, expected);
}

static void threads_and_lots_do_not_change_the_shards(void **state)
{
    (void)state;
    const int64_t lot_bytes[] = { 700, 10000, 1 << 20 };
    for (int i = 0; i < 3; i++) {
        struct corpus_plan plan = plan_for("again");
        plan.overwrite = true;
        plan.threads = i + 1;
        plan.lot_bytes = lot_bytes[i];
        expect_same_as(&plan);
    }
}

/* Documents 100 to 149 of the first file are those that the second begins with, and so on. */
static void equal_documents_are_kept_once(void **state)
{
    struct corpus_plan plan = plan_for("once");
    struct corpus_manifest manifest;
    (void)state;
    assert_int_equal(corpus_build(&plan, NULL, &manifest), STATUS_OK);
    int64_t kept = corpus_manifest_totals(&manifest, SPLIT_TRAIN).documents +
                   corpus_manifest_totals(&manifest, SPLIT_HELDOUT).documents;
    assert_int_equal(kept, 350);
    assert_int_equal(manifest.report.read.documents, FILES * DOCUMENTS);
    assert_int_equal(corpus_report_rejected(&manifest.report, "exact_duplicate").documents,
                     FILES * DOCUMENTS - 350);
    corpus_manifest_release(&manifest);
}

/* No file may grow beyond `bytes`: a disk that is full, for a process of its own, since HDF5 keeps
 * files open that it could not close. */
static void build_fails_within(const struct corpus_plan *plan, rlim_t bytes)
{
    int end;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };
        struct corpus_manifest manifest;
        signal(SIGXFSZ, SIG_IGN); /* so that the write fails instead */
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(3);
        enum status status = corpus_build(plan, NULL, &manifest);
        _exit(status == STATUS_FAILED && strstr(status_message(), "cannot write") ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_true(WIFEXITED(end));
    assert_int_equal(WEXITSTATUS(end), 0);
}

static void after_a_full_disk_the_same_build_goes_on_to_the_same_bytes(void **state)
{
    const struct corpus_plan plan = plan_for("full");
    (void)state;
    for (rlim_t bytes = 100; bytes < 14000; bytes = bytes * 3 / 2) {
        build_fails_within(&plan, bytes);
        assert_false(file_exists("full"));
    }
    expect_same_as(&plan);
    assert_false(file_exists("full.partial"));
}

static void a_damaged_lot_is_made_again(void **state)
{
    struct corpus_plan plan = plan_for("damaged");
    struct strbuf path = STRBUF_INIT, bytes = STRBUF_INIT;
    struct name_list folders;
    (void)state;
    build_fails_within(&plan, 12000);
    assert_int_equal(folder_list("damaged.partial/work/lots", &folders), STATUS_OK);
    assert_true(folders.count > 0);
    strbuf_addf(&path, "damaged.partial/work/lots/%s/00000000", folders.names[0]);
    assert_int_equal(file_read(path.bytes, 1 << 24, &bytes), STATUS_OK);
    bytes.bytes[bytes.length / 2] ^= 1;
    assert_int_equal(file_replace(path.bytes, bytes.bytes, bytes.length), STATUS_OK);
    expect_same_as(&plan);
    name_list_release(&folders);
    strbuf_release(&path);
    strbuf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_lots_do_not_change_the_shards),
        cmocka_unit_test(equal_documents_are_kept_once),
        cmocka_unit_test(after_a_full_disk_the_same_build_goes_on_to_the_same_bytes),
        cmocka_unit_test(a_damaged_lot_is_made_again),
    };
    return cmocka_run_group_tests(tests, write_inputs, remove_folder);
}
