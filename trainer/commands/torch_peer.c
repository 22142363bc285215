#include "trainer/commands/torch_peer.h"

#include "base/json.h"
#include "base/subprocess.h"

#define ANSWER_MAX ((size_t)1 << 16)

/* Arguments: folder, bytes, processes. Prints one JSON object, of seconds, last. */
static const char script[] =
    "import json, os, shutil, sys, tempfile, time\n"
    "import torch, torch.distributed as dist, torch.distributed.checkpoint as dcp\n"
    "import torch.multiprocessing as mp\n"
    "\n"
    "def state_of(elements, name):\n"
    "    torch.manual_seed(1)\n"
    "    count = 444\n"
    "    return {f'{name}.{i}': torch.rand(elements // count) for i in range(count)}\n"
    "\n"
    "def paths_of(path):\n"
    "    for folder, _, names in os.walk(path):\n"
    "        yield from (os.path.join(folder, name) for name in names)\n"
    "    if os.path.isfile(path):\n"
    "        yield path\n"
    "\n"
    "def for_each(path, act):\n"
    "    for name in paths_of(path):\n"
    "        fd = os.open(name, os.O_RDONLY)\n"
    "        act(fd)\n"
    "        os.close(fd)\n"
    "\n"
    "def drop(path):\n"
    "    for_each(path, lambda fd: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED))\n"
    "\n"
    "def whole(path, elements):\n"
    "    state, begun = state_of(elements, 'whole'), time.monotonic()\n"
    "    torch.save(state, path)\n"
    "    for_each(path, os.fsync)\n"
    "    saved = time.monotonic() - begun\n"
    "    drop(path)\n"
    "    begun = time.monotonic()\n"
    "    torch.load(path)\n"
    "    return saved, time.monotonic() - begun\n"
    "\n"
    "def part(rank, processes, path, elements):\n"
    "    if processes > 1:\n"
    "        dist.init_process_group('gloo', init_method='file://' + path + '.meet', rank=rank,\n"
    "                                world_size=processes)\n"
    "    barrier = dist.barrier if processes > 1 else lambda: None\n"
    "    torch.set_num_threads(1)\n"
    "    state = state_of(elements // processes, f'rank{rank}')\n"
    "    barrier()\n"
    "    begun = time.monotonic()\n"
    "    dcp.save(state, storage_writer=dcp.FileSystemWriter(path, sync_files=True),\n"
    "             no_dist=processes == 1)\n"
    "    barrier()\n"
    "    saved = time.monotonic() - begun\n"
    "    if rank == 0:\n"
    "        drop(path)\n"
    "    barrier()\n"
    "    begun = time.monotonic()\n"
    "    dcp.load(state, checkpoint_id=path, no_dist=processes == 1)\n"
    "    barrier()\n"
    "    if rank == 0:\n"
    "        with open(path + '.times', 'w') as file:\n"
    "            json.dump([saved, time.monotonic() - begun], file)\n"
    "\n"
    "if __name__ == '__main__':\n"
    "    folder, elements, processes = sys.argv[1], int(sys.argv[2]) // 4, int(sys.argv[3])\n"
    "    scratch = tempfile.mkdtemp(prefix='eon-bench-torch.', dir=folder)\n"
    "    try:\n"
    "        path = os.path.join(scratch, 'whole.pt')\n"
    "        saved, loaded = whole(path, elements)\n"
    "        os.unlink(path)\n"
    "        path = os.path.join(scratch, 'parts')\n"
    "        arguments = (processes, path, elements)\n"
    "        if processes > 1:\n"
    "            mp.start_processes(part, arguments, nprocs=processes, start_method='fork')\n"
    "        else:\n"
    "            part(0, *arguments)\n"
    "        parts = json.load(open(path + '.times'))\n"
    "        print(json.dumps({'save': saved, 'load': loaded, 'dcp_save': parts[0],\n"
    "                          'dcp_load': parts[1]}))\n"
    "    finally:\n"
    "        shutil.rmtree(scratch)\n";

static enum status parse(const struct strbuf *answer, const char *python,
                         double seconds[TORCH_TIMES])
{
    static const char *const keys[TORCH_TIMES] = { "save", "load", "dcp_save", "dcp_load" };
    struct json *json;
    TRY(json_parse(answer->bytes, answer->length, python, &json));
    enum status status = STATUS_OK;
    for (int i = 0; i < TORCH_TIMES && status == STATUS_OK; i++)
        status = json_need_number(json, keys[i], python, &seconds[i]);
    json_free(json);
    return status;
}

enum status torch_peer_run(const char *python, const char *folder, int64_t bytes, int processes,
                           double seconds[TORCH_TIMES])
{
    struct word_list command = WORD_LIST_INIT;
    struct strbuf answer = STRBUF_INIT;
    int exit_status = 0;
    word_list_add(&command, python);
    word_list_add(&command, "-c");
    word_list_add(&command, script);
    word_list_add(&command, folder);
    word_list_addf(&command, "%lld", (long long)bytes);
    word_list_addf(&command, "%d", processes);
    enum status status =
        subprocess_read(&command, SUBPROCESS_OUTPUT, ANSWER_MAX, &answer, &exit_status);
    if (status == STATUS_OK && exit_status != 0)
        status = bad_input("cannot measure PyTorch: '%s' has failed, as it says above", python);
    if (status == STATUS_OK)
        status = parse(&answer, python, seconds);
    word_list_release(&command);
    strbuf_release(&answer);
    return status;
}
