/* corpus.json: what is read writes to a file that reads back as the same. */
#include "shards/format/corpus_manifest.h"
#include "tests/fuzz/fuzz_target.h"

void fuzz_begin(void)
{
}

static char *folder_of(const char *path)
{
    char *folder = memory_copy_string(path);
    *strrchr(folder, '/') = '\0';
    return folder;
}

static void check_manifest(const struct corpus_manifest *manifest)
{
    struct strbuf printed = STRBUF_INIT, again = STRBUF_INIT;
    struct corpus_manifest copy;
    char digest[SHA256_HEX], copied[SHA256_HEX];
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        const struct manifest_shard *shard = &manifest->shards[i];
        CHECK(*shard->file != '.' && !strchr(shard->file, '/'), "'%s' leaves the folder",
              shard->file);
        CHECK(shard->tokens > 0 && shard->documents > 0 && shard->file_bytes > 0, "a count");
    }
    struct json *json = corpus_manifest_to_json(manifest);
    json_print(json, JSON_INDENTED, &printed);
    json_free(json);

    char *folder = folder_of(fuzz_file(CORPUS_MANIFEST_NAME, printed.bytes, printed.length));
    CHECK(corpus_manifest_read(folder, &copy) == STATUS_OK, "what was printed is refused: %s",
          status_message());
    json = corpus_manifest_to_json(&copy);
    json_print(json, JSON_INDENTED, &again);
    json_free(json);
    fuzz_check_equal(&printed, &again, "corpus.json");
    corpus_manifest_digest(manifest, digest);
    corpus_manifest_digest(&copy, copied);
    CHECK(strcmp(digest, copied) == 0, "digests differ");
    corpus_manifest_release(&copy);
    memory_free(folder);
    strbuf_release(&printed);
    strbuf_release(&again);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct corpus_manifest manifest;
    char *folder = folder_of(fuzz_file(CORPUS_MANIFEST_NAME, data, size));
    if (corpus_manifest_read(folder, &manifest) == STATUS_OK)
        check_manifest(&manifest);
    corpus_manifest_release(&manifest);
    memory_free(folder);
}
