/* eon doctor: what this machine and its MPI can do, and what is wrong with them for training. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/doctor.h"
#include "trainer/kernels/blas.h"

struct doctor_settings {
    bool json;
};

static const struct option_spec doctor_options[] = {
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct doctor_settings, json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON object" },
    { 0 },
};

/* OpenBLAS is looked at as `eon bench` runs it. */
static enum status prepare(const void *settings)
{
    (void)settings;
    return blas_load("auto");
}

/* One rank speaks for its host; the others' records stay empty. */
static void examine_host(const struct world *world, struct findings *findings)
{
    snprintf(findings->host, sizeof findings->host, "%s", world->host);
    if (world->node_rank == 0) {
        doctor_examine_libraries(world, findings);
        doctor_examine_processor(world, findings);
        doctor_examine_memory(findings);
        doctor_examine_limits(findings);
    }
}

/* Hosts that differ in what bears on the bits: adds to `host` what differs from `first`. */
static void compare_hosts(const struct findings *first, struct findings *host)
{
    struct finding *difference = NULL;
    for (int i = 0; i < host->count && !difference; i++) {
        const struct finding *mine = &host->list[i], *theirs = finding_named(first, mine->what);
        if (mine->is_shared && theirs && strcmp(mine->value, theirs->value) != 0)
            difference =
                finding_add(host, "hosts differ", "%s is not that of %s", mine->what, first->host);
    }
    if (difference)
        finding_judge(
            difference, VERDICT_WARN,
            "install the same on all hosts; --kernels=NAME chooses a set that all can run");
}

static void print_text(const struct findings *all, int size)
{
    for (int i = 0; i < size; i++) {
        if (all[i].count == 0)
            continue;
        printf("host %s\n", all[i].host);
        findings_print(&all[i]);
    }
}

static void print_json(const struct findings *all, int size, int warnings, int bad)
{
    struct json *object = json_new_object(), *hosts = json_new_array();
    for (int i = 0; i < size; i++) {
        if (all[i].count == 0)
            continue;
        struct json *host = json_new_object();
        json_put_text(host, "host", all[i].host);
        json_put(host, "findings", findings_to_json(&all[i]));
        json_append(hosts, host);
    }
    json_put_text(object, "verdict", bad ? "bad" : warnings ? "warn" : "ok");
    json_put_integer(object, "warnings", warnings);
    json_put_integer(object, "bad", bad);
    json_put(object, "hosts", hosts);

    json_output_print(object, JSON_INDENTED);
    json_free(object);
}

static enum status run(const struct world *world, const void *settings,
                       const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    const struct doctor_settings *doctor = settings;
    struct findings *mine = memory_alloc_zeroed(1, sizeof *mine);
    struct findings *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    int warnings = 0, bad = 0;

    examine_host(world, mine);
    doctor_examine_sums(world, mine);
    world_gather_all(world, mine, sizeof *mine, all);
    for (int i = 0; i < world->size; i++) {
        if (i > 0)
            compare_hosts(&all[0], &all[i]);
        warnings += findings_count(&all[i], VERDICT_WARN);
        bad += findings_count(&all[i], VERDICT_BAD);
    }
    if (world->rank == 0 && doctor->json)
        print_json(all, world->size, warnings, bad);
    else if (world->rank == 0)
        print_text(all, world->size);
    memory_free(mine);
    memory_free(all);
    return bad ? failed("%d finding%s bad, see above", bad, bad == 1 ? " is" : "s are") : STATUS_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "what this machine and MPI can do, and what is wrong",
    .description =
        "Looks at MPI, the libraries, the CPU and its matrix speed, memory, shared memory and\n"
        "limits, and adds up known values over the ranks. Each line has a verdict (ok, warn, "
        "bad),\n"
        "and what to do where it is not ok. The exit status is 1 if anything is bad. Under mpirun\n"
        "it examines every host, and says where they differ in what bears on a run's bits.\n"
        "\n"
        "    eon doctor\n"
        "    mpirun -n 8 --host node1:4,node2:4 eon doctor --json",
    .options = doctor_options,
    .settings_bytes = sizeof(struct doctor_settings),
    .prepare = prepare,
    .run_collective = run,
};
