/* language: which language a text is written in.
 *
 * Its script is the one of most letters. Where several languages share a script,
 * the frequencies of trigrams of letters decide (Cavnar and Trenkle, "N-gram-based
 * text categorization", 1994), as a naive Bayes classifier. Known are 46
 * languages, and others with a script of their own: docs/quality.md.
 */
#ifndef SHARDS_LANGUAGE_H
#define SHARDS_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "shards/inputs/document.h"

/* The ISO 639-3 code, and how sure it is: 0 to 1. Of a long text, samples are looked at. False,
 * and an empty code, where there are no letters of a known script. The same on every machine. */
bool language_identify(const char *text, size_t length, char code[DOCUMENT_LANGUAGE_BYTES],
                       double *confidence);

#endif
