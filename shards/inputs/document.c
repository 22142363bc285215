#include "shards/inputs/document.h"

void document_init(struct document *document)
{
    *document = (struct document){ 0 };
    strbuf_init(&document->text);
    strbuf_init(&document->name);
}

void document_release(struct document *document)
{
    strbuf_release(&document->text);
    strbuf_release(&document->name);
}
