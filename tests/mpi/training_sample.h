/* training_sample: a small corpus, and settings of a small model to train on it.
 *
 * Each rank has a folder and a corpus of its own, and works in that folder, so that a test can
 * damage what one rank reads; the run's folder is shared.
 */
#ifndef TESTS_TRAINING_SAMPLE_H
#define TESTS_TRAINING_SAMPLE_H

#include "comm/world.h"
#include "trainer/training/train_config.h"
#include "trainer/training/train_step.h"

struct training_sample {
    char *own_folder, *shared_folder;
    struct train_config config; /* complete; run: a folder in shared_folder, not yet made */
};

/* Collective. For cmocka: *state becomes the sample. */
int training_sample_setup(void **state);
int training_sample_teardown(void **state);

/* Sets one of the config's keys, as on the command line, and derives the others from them. */
void training_sample_set(struct training_sample *sample, const char *key, const char *value);
/* Several keys and values; the last is { NULL }. */
void training_sample_set_all(struct training_sample *sample, const char *const (*settings)[2]);

/* Collective. A trainer that can step; an error fails the test. */
void training_sample_open(const struct training_sample *sample, struct trainer *trainer);
/* Collective. The next step; must: an error fails the test. */
enum status training_step(struct trainer *trainer);
struct step_report training_must_step(struct trainer *trainer);

/* The lowest bit of a value: nothing but a comparison would notice. */
void test_flip_a_bit(float *value);

/* Flips a bit amid the tokens of this rank's first shard of training text. */
void training_sample_damage_shard(void);

#endif
