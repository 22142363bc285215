#!/usr/bin/env python3
"""A second implementation of docs/checkpoint-format.md, over the safetensors package.

    checkpoint_digest.py CHECKPOINT      prints what `eon checkpoint digest` prints first

The constant in tests/unit/checkpoint_sample.h was made by it.
"""
import glob
import hashlib
import json
import struct
import sys
import zlib

from safetensors import safe_open


def check_manifest(folder):
    text = open(f"{folder}/manifest.json", "rb").read()
    digits, end = text[-68:-4], text[-4:]
    assert end == b'"\n}\n' and hashlib.sha256(text[:-68]).hexdigest().encode() == digits
    for file in json.loads(text)["files"]:
        content = open(f"{folder}/{file['name']}", "rb").read()
        assert len(content) == file["size"] and f"{zlib.crc32(content):08x}" == file["crc32"]


def parts_of(folder):
    """{name: [(begin, end, rows, cols, bytes), ...]}"""
    parts = {}
    for path in glob.glob(f"{folder}/*.safetensors"):
        with safe_open(path, "np") as file:
            for name in file.keys():
                array = file.get_tensor(name)
                ranges, shape = [(0, array.size)], (*array.shape, 0)[:2]
                if given := file.metadata().get(f"range.{name}"):
                    numbers = list(map(int, given.split()))
                    *ranges, shape = zip(numbers[::2], numbers[1::2], strict=True)
                assert array.dtype == "float32"
                assert array.size == sum(end - begin for begin, end in ranges)
                at = 0
                for begin, end in ranges:
                    values = array.flat[at:at + end - begin]
                    parts.setdefault(name, []).append((begin, end, *shape, values.tobytes()))
                    at += end - begin
    return parts


def digest(folder):
    hash = hashlib.sha256(b"eon-checkpoint-digest-1\n")

    def add_number(number):
        hash.update(struct.pack("<Q", number))

    for name, cuts in sorted((name.encode(), sorted(cuts)) for name, cuts in parts_of(folder).items()):
        add_number(len(name))
        hash.update(name)
        add_number(cuts[0][2])
        add_number(cuts[0][3])
        for cut in cuts:
            hash.update(cut[4])
    state = json.load(open(f"{folder}/state.json"))
    text = json.dumps(state["digested"], separators=(",", ":"), ensure_ascii=False).encode()
    add_number(len(text))
    hash.update(text)
    return hash.hexdigest()


check_manifest(sys.argv[1])
print(digest(sys.argv[1]))
