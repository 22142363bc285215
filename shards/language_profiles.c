#include "shards/language_profiles.h"

const struct language_profile language_profiles[LANGUAGE_PROFILES] = {
#include "shards/language_profiles.inc"
};
