#include "shards/building/duplicate_finder.h"

#include "base/memory.h"

/* ---- a set of keys of 128 bits ---- */

struct key {
    uint64_t high, low; /* not both 0: that is a free slot */
};

struct key_set {
    struct key *slots; /* open addressing with linear probing */
    uint64_t mask;
    int64_t count;
};

/* At most three slots a key are taken, so 48 bytes. */
enum { SET_BYTES_A_KEY = 3 * (int)sizeof(struct key) };

static struct key_set set_for(int64_t keys)
{
    uint64_t slots = 1024;
    while (slots < (uint64_t)keys + (uint64_t)keys / 2)
        slots *= 2;
    return (struct key_set){
        .slots = memory_alloc_zeroed(slots, sizeof(struct key)),
        .mask = slots - 1,
    };
}

/* The key's slot, or the free one where it would be. */
static struct key *set_slot(const struct key_set *set, struct key key)
{
    uint64_t mixed = (key.low ^ key.high) * 0xbf58476d1ce4e5b9u;
    uint64_t at = (mixed ^ mixed >> 29) & set->mask;
    while ((set->slots[at].high != key.high || set->slots[at].low != key.low) &&
           (set->slots[at].high | set->slots[at].low))
        at = (at + 1) & set->mask;
    return &set->slots[at];
}

/* Keys of a part are not quite as many as those of any other. */
static void set_grow(struct key_set *set)
{
    struct key_set larger = set_for((int64_t)set->mask + 1);
    for (uint64_t i = 0; i <= set->mask; i++)
        if (set->slots[i].high | set->slots[i].low)
            *set_slot(&larger, set->slots[i]) = set->slots[i];
    larger.count = set->count;
    memory_free(set->slots);
    *set = larger;
}

/* Whether it was there before. */
static bool set_add(struct key_set *set, struct key key)
{
    struct key *slot = set_slot(set, key);
    if (slot->high | slot->low)
        return true;
    *slot = key;
    if ((uint64_t)++set->count > set->mask / 4 * 3)
        set_grow(set);
    return false;
}

/* ---- who looks after a key ---- */

/* Parts are numbered by pass, then by rank. */
struct key_parts {
    int64_t count, ranks;
};

static struct key_parts cut_keys(int64_t documents, int64_t memory_bytes, int ranks)
{
    const int64_t least = 1 << 20;
    int64_t room = (memory_bytes < least ? least : memory_bytes) / SET_BYTES_A_KEY * ranks;
    return (struct key_parts){ .count = (documents / room + 1) * ranks, .ranks = ranks };
}

static int64_t part_of(const struct key_parts *parts, struct key key)
{
    return (int64_t)((key.high >> 32) * (uint64_t)parts->count >> 32);
}

static struct key key_of_hash(const unsigned char hash[LOT_HASH_BYTES])
{
    struct key key = { 0 };
    for (int i = 0; i < 8; i++) {
        key.high = key.high << 8 | hash[i];
        key.low = key.low << 8 | hash[8 + i];
    }
    return key;
}

static struct key key_of_band(uint64_t band_key)
{
    return (struct key){ .high = band_key * 0x9e3779b97f4a7c15u, .low = band_key };
}

/* ---- the search ---- */

struct search {
    const struct lot_list *lots;
    struct key_parts parts;
    int64_t part;
    int band; /* or -1: the content's hash */
    struct key_set seen;
    unsigned char *bits;
};

static void look_at_lot(struct search *search, const struct lot *lot, int64_t first_ordinal)
{
    for (int64_t i = 0; i < lot->header.documents; i++) {
        struct key key = search->band < 0 ? key_of_hash(lot->hashes[i]) : key_of_band(lot->keys[i]);
        if (!(key.high | key.low) || part_of(&search->parts, key) != search->part)
            continue; /* a text of a few words has no band keys */
        const int64_t ordinal = first_ordinal + i;
        if (set_add(&search->seen, key))
            search->bits[ordinal / 8] |= (unsigned char)(1 << ordinal % 8);
    }
}

static enum status sweep(struct search *search)
{
    const struct lot_list *lots = search->lots;
    enum status status = STATUS_OK;
    search->seen = set_for(lots->documents / search->parts.count);
    struct lot lot = { 0 };
    for (int64_t i = 0; i < lots->count && status == STATUS_OK; i++) {
        status =
            lot_list_open(lots, i, search->band < 0 ? LOT_HASHES : LOT_KEYS, search->band, &lot);
        if (status == STATUS_OK)
            look_at_lot(search, &lot, lots->lots[i].first_ordinal);
    }
    lot_release(&lot);
    memory_free(search->seen.slots);
    return status;
}

/* Every part of the keys that falls to this rank. */
static enum status sweep_parts(const struct lot_list *lots, int band, int64_t memory_bytes,
                               const struct build_team *team, unsigned char *bits)
{
    struct search search = {
        .lots = lots,
        .parts = cut_keys(lots->documents, memory_bytes, team->size),
        .band = band,
        .bits = bits,
    };
    for (search.part = team->rank; search.part < search.parts.count; search.part += team->size)
        TRY(sweep(&search));
    return STATUS_OK;
}

static enum status sweep_bands(const struct lot_list *lots, int64_t memory_bytes,
                               const struct build_team *team, unsigned char *bits)
{
    for (int band = 0; band < MINHASH_BANDS; band++)
        TRY(sweep_parts(lots, band, memory_bytes, team, bits));
    return STATUS_OK;
}

enum status duplicates_find(const struct lot_list *lots, enum deduplication what,
                            int64_t memory_bytes, const struct build_team *team,
                            struct duplicates *out)
{
    const int64_t bytes = lots->documents / 8 + 1;
    *out = (struct duplicates){
        .exact = memory_alloc_zeroed((size_t)bytes, 1),
        .near = memory_alloc_zeroed((size_t)bytes, 1),
    };
    enum status status = STATUS_OK;
    if (what != DEDUPLICATE_NO)
        status = sweep_parts(lots, -1, memory_bytes, team, out->exact);
    if (what == DEDUPLICATE_NEAR && status == STATUS_OK)
        status = sweep_bands(lots, memory_bytes, team, out->near);
    status = team_agree(team, status);
    if (status == STATUS_OK) {
        team_join_bits(team, out->exact, bytes);
        team_join_bits(team, out->near, bytes);
    } else {
        duplicates_release(out);
    }
    return status;
}

void duplicates_release(struct duplicates *duplicates)
{
    memory_free(duplicates->exact);
    memory_free(duplicates->near);
    *duplicates = (struct duplicates){ 0 };
}
