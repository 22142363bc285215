#!/usr/bin/env python3
"""The schedule of docs/shard-format.md once more, by its text alone: the expected values of
tests/unit/test_mixture_schedule.c and test_batch_schedule.c.

    tests/golden/mixture_schedule.py
"""

MASK = 0xFFFFFFFF


def philox(key, counter):
    """Philox4x32-10."""
    k0, k1 = key
    a, b, c, d = counter
    for _ in range(10):
        low, high = (0xD2511F53 * a), (0xCD9E8D57 * c)
        a, b, c, d = ((high >> 32) ^ b ^ k0, high & MASK, (low >> 32) ^ d ^ k1, low & MASK)
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return a, b, c, d


def key_of(seed, purpose, x, y):
    first = philox((seed & MASK, seed >> 32), (purpose, 0, 0, 0))[:2]
    return philox(first, (x & MASK, x >> 32, y & MASK, y >> 32))[:2]


def permute(key, n, value):
    if n == 1:
        return 0
    h = 1
    while 4**h < n:
        h += 1
    while True:
        left, right = value >> h, value & (2**h - 1)
        for i in range(8):
            left, right = right, left ^ (philox(key, (right, i, 0, 0))[0] % 2**h)
        value = left << h | right
        if value < n:
            return value


def sample_of(seed, samples, slot):
    epoch, place = divmod(slot, samples)
    window = place // 4096
    length = min(4096, samples - 4096 * window)
    q = 4096 * window + permute(key_of(seed, 3, epoch, window), length, place % 4096)
    block = q // 64
    if block < samples // 64:
        block = permute(key_of(seed, 2, epoch, 0), samples // 64, block)
    return 64 * block + q % 64


def mixture_place(seed, weights, samples, slot):
    block = slot // 1024
    x = 1024 * block + permute(key_of(seed, 6, block, 0), 1024, slot % 1024)
    left = sum(weights)
    for part, weight in enumerate(weights):
        share = x * weight // left
        if part == len(weights) - 1 or (x + 1) * weight // left > share:
            return part, share, sample_of(seed, samples[part], share)
        x, left = x - share, left - weight
    return None


if __name__ == "__main__":
    SLOTS = (0, 1, 2, 4095, 4096, 9999, 10000, 123456789)
    print("one:", [sample_of(42, 10000, slot) for slot in SLOTS])
    for s in (0, 1, 2, 3, 1023, 1024, 99999, 123456789):
        print("{ %d, %d, %d }," % mixture_place(3, [5, 3, 2], [1000, 77, 5000], s))
