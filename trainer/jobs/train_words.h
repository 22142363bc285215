/* train_words: the settings of a training as words of `eon train`. */
#ifndef TRAINER_JOBS_TRAIN_WORDS_H
#define TRAINER_JOBS_TRAIN_WORDS_H

#include "base/subprocess.h"
#include "trainer/training/train_config.h"

/* Adds --key=value for what differs from the default: a job trains with these settings, however
 * the config changes that they came from. */
void train_words_add(struct word_list *words, const struct train_config *config);

/* The settings that such words, or a user's with a CONFIG.ini among them, mean, completed. The
 * caller releases them with options_release, also on an error. */
enum status train_words_read(const char *const *words, int count, struct train_config *config);

#endif
