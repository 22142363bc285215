#include "trainer/training/run_saver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "trainer/reports/machine_memory.h"
#include "trainer/training/run_state.h"

/* One may be damaged, or torn by the end of a node while it is committed. */
enum { LOCAL_KEPT = 2 };

struct run_saver {
    const struct trainer *trainer;
    struct write_queue *queue;
    struct checkpoint_writer *writer; /* NULL: no save is under way */
    struct save_report report;
    double begun_s;
};

/* The node's ranks together take no more than half of what is free, or a quarter of a job's limit,
 * which counts what they hold already. */
static size_t buffer_bytes(const struct trainer *trainer)
{
    const int64_t asked = trainer->config->save_memory_bytes;
    if (asked > 0)
        return (size_t)asked;
    const int64_t available = machine_memory_bytes("MemAvailable");
    const int64_t limit = machine_memory_limit_bytes();
    const int64_t all = limit >= 0 && limit / 2 < available ? limit / 4 : available / 2;
    return all > 0 ? (size_t)(all / trainer->world->node_size) : 0;
}

struct checkpoint_retention run_saver_retention(const struct train_config *config)
{
    return (struct checkpoint_retention){ config->keep_last, config->keep_every,
                                          config->keep_best };
}

struct run_saver *run_saver_open(const struct trainer *trainer)
{
    struct run_saver *saver = memory_alloc_zeroed(1, sizeof *saver);
    saver->trainer = trainer;
    saver->queue = write_queue_start(buffer_bytes(trainer));
    return saver;
}

void run_saver_close(struct run_saver *saver)
{
    if (!saver)
        return;
    CHECK(!saver->writer, "a run ends before step %lld is saved", (long long)saver->report.step);
    write_queue_stop(saver->queue);
    memory_free(saver);
}

bool run_saver_is_busy(const struct run_saver *saver)
{
    return saver->writer != NULL;
}

bool run_saver_is_busy_with_run(const struct run_saver *saver)
{
    return saver->writer && !saver->report.is_local;
}

static enum status not_saved(const struct run_saver *saver, enum status status)
{
    return status == STATUS_OK
               ? status
               : status_prefix(status, "step %lld is not saved%s", (long long)saver->report.step,
                               saver->report.is_local ? " on the nodes" : "");
}

static enum status begin(struct run_saver *saver, const struct checkpoint_way *way)
{
    const struct trainer *trainer = saver->trainer;
    const char *folder = way->is_local ? trainer->local_folder : trainer->config->run;
    CHECK(!saver->writer, "a save begins while another is under way");
    saver->begun_s = clock_seconds();
    saver->report =
        (struct save_report){ .step = trainer->progress.step, .is_local = way->is_local };
    TRY(not_saved(saver, checkpoint_writer_begin(trainer->world, way, folder,
                                                 trainer->progress.step, &saver->writer)));
    run_state_write(trainer, saver->writer, way->is_local);
    checkpoint_writer_seal(saver->writer);
    saver->report.taking_s = clock_seconds() - saver->begun_s;
    return STATUS_OK;
}

enum status run_saver_begin(struct run_saver *saver)
{
    const struct checkpoint_way way = {
        .queue = saver->queue,
        .pool = saver->trainer->kernels.pool,
        .retention = run_saver_retention(saver->trainer->config),
    };
    return begin(saver, &way);
}

enum status run_saver_begin_local(struct run_saver *saver)
{
    const struct checkpoint_way way = {
        .queue = saver->queue,
        .pool = saver->trainer->kernels.pool,
        .retention = { .last = LOCAL_KEPT },
        .is_local = true,
    };
    return begin(saver, &way);
}

static void clear_local_job(void *context)
{
    const struct run_saver *saver = context;
    if (checkpoint_prune_local(saver->trainer->local_folder, 0, 0) != STATUS_OK)
        log_warning("old local checkpoints stay: %s", status_message());
}

/* The run has a newer one now. */
static void clear_local(struct run_saver *saver)
{
    const struct trainer *trainer = saver->trainer;
    if (trainer->local_folder && trainer->world->node_rank == 0 && !saver->report.is_local)
        write_queue_add(saver->queue, clear_local_job, saver);
}

enum status run_saver_advance(struct run_saver *saver, bool waits, struct save_report *report)
{
    enum status status = STATUS_OK;
    if (!saver->writer) {
        *report = (struct save_report){ 0 };
        return STATUS_OK;
    }
    const double asked_s = clock_seconds();
    if (waits) {
        status = checkpoint_writer_commit(saver->writer);
        saver->report.is_done = true;
    } else {
        status = checkpoint_writer_advance(saver->writer, &saver->report.is_done);
    }
    const double now_s = clock_seconds();
    saver->report.taking_s += now_s - asked_s;
    saver->report.saving_s = now_s - saver->begun_s;
    if (saver->report.is_done)
        saver->writer = NULL;
    if (saver->report.is_done && status == STATUS_OK)
        clear_local(saver);
    *report = saver->report;
    return not_saved(saver, status);
}
