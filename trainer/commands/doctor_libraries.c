#include "trainer/commands/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "shards/format/shard_libraries.h"

static bool program_in_path(const char *name)
{
    const char *path = getenv("PATH");
    bool found = false;
    while (path && *path && !found) {
        size_t length = strcspn(path, ":");
        struct strbuf candidate = STRBUF_INIT;
        strbuf_add(&candidate, path, length);
        strbuf_addf(&candidate, "/%s", name);
        found = access(candidate.bytes, X_OK) == 0;
        strbuf_release(&candidate);
        path += length + (path[length] == ':');
    }
    return found;
}

static void examine_mpi(const struct world *world, struct findings *findings)
{
    char description[FINDING_TEXT_BYTES];
    world_describe(description, sizeof description);
    finding_add(findings, "MPI", "%s", description)->is_shared = true;

    struct finding *ranks = finding_add(findings, "ranks", "%d, of which %d on this host",
                                        world->size, world->node_size);
    if (world->size == 1 && !program_in_path("mpirun") && !program_in_path("srun"))
        finding_judge(ranks, VERDICT_WARN,
                      "no mpirun in PATH: install openmpi-bin, or load the cluster's MPI module");
}

static void examine_hdf5(const struct shard_libraries *here, struct findings *findings)
{
    struct finding *version =
        finding_add(findings, "HDF5", "%s, %s", here->hdf5,
                    here->hdf5_is_thread_safe ? "thread-safe"
                                              : "not thread-safe: eon calls it from one thread");
    if (!here->hdf5_matches_headers)
        finding_judge(version, VERDICT_BAD,
                      "another HDF5 is loaded than eon was built with: build it again, or mend "
                      "LD_LIBRARY_PATH");

    struct finding *filters =
        finding_add(findings, "HDF5 filters", "deflate %s, shuffle %s, fletcher32 %s",
                    here->deflate ? "yes" : "no", here->shuffle ? "yes" : "no",
                    here->fletcher32 ? "yes" : "no");
    if (!here->deflate || !here->shuffle || !here->fletcher32)
        finding_judge(filters, VERDICT_BAD,
                      "shards need all three: install an HDF5 that was built with zlib");
}

void doctor_examine_libraries(const struct world *world, struct findings *findings)
{
    const struct shard_libraries here = shard_libraries_here();
    examine_mpi(world, findings);
    examine_hdf5(&here, findings);
    finding_add(findings, "ISA-L", "%s", here.isal);
    finding_add(findings, "libdeflate", "%s", here.libdeflate);
    struct finding *pcre2 = finding_add(findings, "PCRE2", "%s", here.pcre2);
    if (!here.pcre2_knows_unicode)
        finding_judge(pcre2, VERDICT_BAD,
                      "it was built without Unicode, which patterns of documents need");
}
