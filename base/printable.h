/* printable: text from outside, made safe for one line of a terminal or log. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/* Copies `text` to out[0..size), size >= 8, NUL-terminated: control characters
 * become \n, \t, \xNN, and so do bytes that are not UTF-8, so that the result is
 * one line of valid UTF-8. What does not fit is cut and ends in "...".
 * A second pass changes nothing. */
void printable_copy(char *out, size_t size, const char *text);

#endif
