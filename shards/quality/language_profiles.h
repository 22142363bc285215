/* language_profiles: how frequent trigrams of letters are in languages that share a script. */
#ifndef SHARDS_LANGUAGE_PROFILES_H
#define SHARDS_LANGUAGE_PROFILES_H

/* Trigrams fall into buckets by a hash: see language.c. */
enum { LANGUAGE_PROFILES = 36, LANGUAGE_BUCKETS = 2048 };

struct language_profile {
    char code[4];                      /* ISO 639-3 */
    char levels[LANGUAGE_BUCKETS + 1]; /* of each bucket, as a letter */
};

/* Latin script first, then Cyrillic, then Arabic. */
extern const struct language_profile language_profiles[LANGUAGE_PROFILES];

#endif
