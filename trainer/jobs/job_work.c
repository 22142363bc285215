#include "trainer/jobs/job_work.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "trainer/jobs/job_journal.h"
#include "trainer/jobs/train_words.h"

static enum status read_train(const char *const *words, int count, struct job_work *work)
{
    struct train_config config;
    enum status status = train_words_read(words, count, &config);
    if (status == STATUS_OK) {
        work->folder = memory_copy_string(config.run);
        work->journal_path = path_join(config.run, JOB_JOURNAL_FILE);
        work->stop_after = config.stop_after;
        work->threads = config.threads;
        status = folder_create(config.run);
    }
    options_release(train_options, &config);
    return status;
}

static const char *option_value(const char *const *words, int count, const char *key)
{
    const char *value = NULL;
    const size_t length = strlen(key);
    for (int i = 0; i < count; i++)
        if (strncmp(words[i], key, length) == 0 && words[i][length] == '=')
            value = words[i] + length + 1;
    return value;
}

static void read_shards(const char *const *words, int count, struct job_work *work)
{
    const char *out = option_value(words, count, "--out");
    if (!out) /* the command itself will say so */
        return;
    struct strbuf path = STRBUF_INIT;
    strbuf_addf(&path, "%s.slurm.jsonl", out);
    work->folder = memory_copy_string(out);
    work->journal_path = memory_copy_string(path.bytes);
    strbuf_release(&path);
}

enum status job_work_read(const char *const *words, int count, struct job_work *work)
{
    *work = (struct job_work){ .kind = JOB_WORK_OTHER };
    if (strcmp(words[0], "train") == 0) {
        work->kind = JOB_WORK_TRAIN;
        return read_train(words + 1, count - 1, work);
    }
    const char *threads = option_value(words, count, "--threads");
    work->threads = threads ? strtoll(threads, NULL, 10) : 0;
    if (count > 1 && strcmp(words[0], "shards") == 0 && strcmp(words[1], "build") == 0) {
        work->kind = JOB_WORK_SHARDS;
        read_shards(words, count, work);
    }
    return STATUS_OK;
}

void job_work_release(struct job_work *work)
{
    memory_free(work->folder);
    memory_free(work->journal_path);
    *work = (struct job_work){ .kind = JOB_WORK_OTHER };
}

static int64_t newest_step(const char *run)
{
    struct checkpoint_catalogue catalogue;
    if (checkpoint_catalogue_read(run, &catalogue) != STATUS_OK)
        return 0;
    int64_t step = catalogue.count > 0 ? catalogue.candidates[0].step : 0;
    checkpoint_catalogue_release(&catalogue);
    return step;
}

static int64_t bytes_found; /* nftw hands nothing on */

static int add_bytes(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)path;
    (void)place;
    if (kind == FTW_F)
        bytes_found += about->st_size;
    return 0;
}

static int64_t partial_bytes(const char *corpus)
{
    struct strbuf path = STRBUF_INIT;
    strbuf_addf(&path, "%s.partial", corpus);
    bytes_found = 0;
    nftw(path.bytes, add_bytes, 16, FTW_PHYS);
    strbuf_release(&path);
    return bytes_found;
}

int64_t job_work_progress(const struct job_work *work)
{
    if (work->kind == JOB_WORK_TRAIN)
        return newest_step(work->folder);
    return work->folder ? partial_bytes(work->folder) : 0;
}

bool job_work_is_at_stop(const struct job_work *work)
{
    return work->stop_after > 0 && job_work_progress(work) >= work->stop_after;
}
