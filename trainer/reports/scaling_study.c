#include "trainer/reports/scaling_study.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"

enum { NAME_BYTES = 256 };

static void add_point(struct scaling_study *study, const char *folder, const char *name)
{
    struct scaling_point point = { .run_folder = path_join(folder, name) };
    if (!folder_exists(point.run_folder)) {
        memory_free(point.run_folder);
        return;
    }
    if (speed_record_read(point.run_folder, &point.speed) != STATUS_OK) {
        log_warning("%s; point '%s' is left out", status_message(), name);
        memory_free(point.run_folder);
        return;
    }
    char shown[NAME_BYTES];
    printable_copy(shown, sizeof shown, name);
    point.name = memory_copy_string(shown);
    study->points[study->count++] = point;
}

enum status scaling_study_read(const char *folder, struct scaling_study *study)
{
    struct name_list names;
    TRY(folder_list(folder, &names));
    *study = (struct scaling_study){ .points = memory_alloc_zeroed((size_t)names.count + 1,
                                                                   sizeof *study->points) };
    for (int64_t i = 0; i < names.count; i++)
        add_point(study, folder, names.names[i]);
    name_list_release(&names);
    if (study->count > 0)
        return STATUS_OK;
    scaling_study_release(study);
    return bad_input("cannot read study '%s': no folder in it has a valid " SPEED_FILE, folder);
}

void scaling_study_release(struct scaling_study *study)
{
    for (int64_t i = 0; i < study->count; i++) {
        memory_free(study->points[i].name);
        memory_free(study->points[i].run_folder);
    }
    memory_free(study->points);
    *study = (struct scaling_study){ 0 };
}
