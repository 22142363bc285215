#!/usr/bin/env python3
"""Compares eon's token ids with those of tiktoken and tokenizers.

    pip install tiktoken tokenizers
    tests/golden/compare_tokenizer.py DATA                 compares, prints a line a text
    tests/golden/compare_tokenizer.py DATA --write-golden  writes tokenizer_ids.json first

DATA holds gpt2-encoder.json and gpt2-vocab.bpe; every other file in it is compared too. Also
compared: awkward and random texts, bytes that are not UTF-8 (decoded again), a vocabulary that eon
trains, which tokenizers loads, and tokenizers' own training on the same text. `make test` does not
run this; tests/unit/test_tokenizer.c checks against tokenizer_ids.json.
"""
import argparse, gzip, json, os, random, subprocess, sys, tempfile

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
EON = os.environ.get("EON", os.path.join(HERE, "../../build/eon"))
GPT2_RULE = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
VOCAB_SIZE = 2048

AWKWARD = [
    "", " ", "\n", "a", "  a  b  ", "it's we'll I'd they've you're I'm can't 'S 'LL", "''s'",
    "tab\there\r\n\r\n  end \t", "1234567890 12.5e-7 ½ Ⅷ ٣٤ 一二", "naïve café \u0063\u0327 ﬁn",
    "Привет, мир! Γειά σου 你好世界 こんにちは 안녕하세요 שלום مرحبا नमस्ते", "🙂👩‍👩‍👧🇩🇪 ☃\ufe0f",
    "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i", "a\u0085b\u0085\u0085 c",
    "a\u180eb \u180e \u200b\u200b\ufeff\u2060", "a\x1cb\x1d\x1e\x1f \x0b\x0c\x00\x00nul",
    "<|endoftext|> is plain text here", "a" * 95, "a" * 97, "-" * 200, " " * 130 + "x", "\n" * 99,
    "é" * 60, "\ufffd\ufffe\U0010ffff\ue000", "aaaa" * 40 + "b" * 33, "https://x.org/a_b?c=%20&d#e",
]


def peers(data):
    files = [os.path.join(data, name) for name in ("gpt2-encoder.json", "gpt2-vocab.bpe")]
    ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=files[1], encoder_json_file=files[0])
    ours = tiktoken.Encoding("gpt2", pat_str=GPT2_RULE, mergeable_ranks=ranks,
                             special_tokens={"<|endoftext|>": 50256})
    theirs = byte_level(models.BPE.from_file(*files))
    return ours, theirs, ",".join(files), list(ranks)


def byte_level(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def eon(*arguments, text=None):
    return subprocess.run([EON, *arguments], input=text, stdout=subprocess.PIPE, check=True).stdout


def eon_ids(tokenizer, text):
    return list(map(int, eon("tokenizer", "encode", "--tokenizer=" + tokenizer, text=text).split()))


def texts(data, tokens):
    for name in sorted(os.listdir(data)):
        with open(os.path.join(data, name), "rb") as file:
            content = file.read()
        yield name, (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    for text in AWKWARD:
        yield repr(text[:30]), text
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    draw = random.Random(1)
    yield "every character", "".join(every)
    yield "every character, spaced", " ".join(every)
    yield "random characters", "".join(draw.choices(every[:0x3100], k=200000))
    yield "random ASCII", "".join(draw.choices("ab '  \n\t\r.!'stremvld0129", k=300000))
    yield "random tokens", b"".join(draw.choices(tokens, k=300000)).decode("utf-8", "replace")
    for run in ("a", " ", "\n", "é", "-", "\r\n"):
        yield f"{run!r} 100,000 times", run * 100000


class Tally:
    failed = 0

    def say(self, name, same):
        print("same     " if same else "DIFFERENT", name)
        self.failed += not same


def compare_invalid(tally, tokenizer):
    draw = random.Random(2)
    for i in range(20):
        text = bytes(draw.choices(b"ab \n\xc3\xa9\xe2\x82\xff\xf0\x9f", k=1 << i % 14))
        ids = " ".join(map(str, eon_ids(tokenizer, text))).encode()
        back = eon("tokenizer", "decode", "--tokenizer=" + tokenizer, text=ids)
        tally.say(f"{len(text)} random bytes, there and back", back == text)


def compare_training(tally, data):
    path = os.path.join(data, "wikitext2-valid.txt")
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE, min_frequency=2, show_progress=False,
                                  special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    peer = byte_level(models.BPE())
    peer.train_from_iterator([text], trainer)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = os.path.join(folder, "ours.json"), os.path.join(folder, "theirs.json")
        eon("tokenizer", "train", f"--vocab_size={VOCAB_SIZE}", "--document_bytes=0",
            "--out=" + ours, path)
        peer.save(theirs)
        merges = [json.load(open(name, encoding="utf-8"))["model"]["merges"]
                  for name in (ours, theirs)]
        tally.say("merges that both learn", merges[0] == merges[1])
        loaded = Tokenizer.from_file(ours)
        tally.say("tokenizers reads eon's file",
                  loaded.encode(text).ids == eon_ids(ours, text.encode()))
        tally.say("eon reads tokenizers' file",
                  peer.encode(text).ids == eon_ids(theirs, text.encode()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--write-golden", action="store_true")
    arguments = parser.parse_args()
    tik, hug, files, tokens = peers(arguments.data)
    if arguments.write_golden:
        with open(os.path.join(HERE, "tokenizer_ids.json"), "w", encoding="utf-8") as file:
            rows = [json.dumps({"text": t, "ids": tik.encode_ordinary(t)}) for t in AWKWARD]
            file.write("[\n" + ",\n".join(rows) + "\n]\n")

    tally = Tally()
    for name, text in texts(arguments.data, tokens):
        expected = tik.encode_ordinary(text)
        special = "<|endoftext|>" in text  # tokenizers takes it as the special token
        tally.say(name, eon_ids(files, text.encode()) == expected
                  and (special or hug.encode(text).ids == expected))
    compare_invalid(tally, files)
    compare_training(tally, arguments.data)
    sys.exit(tally.failed > 0)


main()
