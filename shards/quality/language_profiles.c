#include "shards/quality/language_profiles.h"

const struct language_profile language_profiles[LANGUAGE_PROFILES] = {
#include "shards/quality/language_profiles.inc"
};
