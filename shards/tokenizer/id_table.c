#include "shards/tokenizer/id_table.h"

#include <string.h>

#include "base/memory.h"

void id_table_init(struct id_table *table)
{
    *table = (struct id_table){ 0 };
}

void id_table_release(struct id_table *table)
{
    memory_free(table->slots);
    *table = (struct id_table){ 0 };
}

void id_table_begin(struct id_table *table, size_t most_keys)
{
    table->bits = 4;
    while (((size_t)1 << table->bits) < 2 * most_keys)
        table->bits++;
    const size_t slots = (size_t)1 << table->bits;
    if (slots > table->capacity) {
        memory_free(table->slots);
        table->slots = memory_alloc(slots * sizeof *table->slots);
        table->capacity = slots;
    }
    memset(table->slots, 0, slots * sizeof *table->slots);
    table->count = 0;
}
