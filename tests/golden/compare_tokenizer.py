#!/usr/bin/env python3
"""Compares eon's token ids with those of tiktoken and tokenizers.

    pip install tiktoken tokenizers
    tests/golden/compare_tokenizer.py DATA                 compares, prints a line a text
    tests/golden/compare_tokenizer.py DATA --write-golden  writes tokenizer_ids.json first

DATA holds gpt2-encoder.json and gpt2-vocab.bpe; every other file in it is compared too. Also
compared, by each splitting rule: awkward and random texts, every character, bytes that are not
UTF-8, and the tokenizer.json that eon writes of one that tokenizers wrote. Then a vocabulary that
eon trains, which tokenizers loads, and tokenizers' own training on the same text. `make test` does
not run this; tests/unit/test_encoder.c checks against tokenizer_ids.json. For speed, and many more
random bytes: tests/bench/compare_tiktoken. SentencePiece's kind: compare_sentencepiece.py.
"""
import argparse, json, os, random, sys, tempfile

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tokenizer_peers import AWKWARD, HERE, Tally, eon, eon_ids, texts

WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n]*")
RULES = {  # as tiktoken and as tokenizers spell them
    "gpt2": (r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
             r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    "cl100k": (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
               r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
               WORDS + r"|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+"),
    "llama3": (WORDS + r"|\s*[\r\n]+|\s+(?!\S)|\s+", WORDS + r"|\s*[\r\n]+|\s+(?!\S)|\s+"),
}
VOCAB_SIZE = 2048

AWKWARD_BYTES = [
    b"\xff", b"\x80\x80", b"caf\xc3", b"the caf\xc3\xa9 \xe2\x82", b"a \n\t \xff the the",
    b"a\n\n \t\n\xc3\x28", b"a \r\n \xff", b"word  \xed\xa0\x80 word", b"x\xc0\x80y z",
    b"  \xf4\x90\x80\x80 and so on, and on", b"\xe3\x80\x80\xff", b"\n\xff\n", b" \t\xff" * 70,
    b"12345\xf0\x9f\x98", b"it's\xff's", b"a" * 99 + b"\xfe" + b"a" * 99, bytes(range(256)),
]


def read_ranks(files):
    return data_gym_to_mergeable_bpe_ranks(encoder_json_file=files[0], vocab_bpe_file=files[1])


def peers(rule, files, ranks):
    """A splitting rule with GPT-2's vocabulary: tiktoken's Encoding and tokenizers' Tokenizer."""
    pattern, regex = RULES[rule]
    ours = tiktoken.Encoding(rule, pat_str=pattern, mergeable_ranks=ranks,
                             special_tokens={"<|endoftext|>": 50256})
    theirs = byte_level(models.BPE.from_file(*files))
    if rule != "gpt2":
        theirs.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(regex), "isolated"),
             pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    theirs.add_special_tokens(["<|endoftext|>"])
    theirs.encode_special_tokens = True  # as text, where a text spells them
    return ours, theirs


def byte_level(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def compare_invalid(tally, name, tokenizer, tik):
    draw = random.Random(2)
    drawn = [bytes(draw.choices(b"ab \n\xc3\xa9\xe2\x82\xff\xf0\x9f", k=1 << i % 14))
             for i in range(20)]
    for text in AWKWARD_BYTES + drawn:
        tally.say(f"{name}: {text[:20]}", eon_ids(tokenizer, text) == tik._encode_bytes(text))


def compare_written(tally, name, file, text):
    """eon writes the tokenizer that it read into a corpus."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = os.path.join(folder, "corpus")
        eon("shards", "build", "--tokenizer=" + file, "--out=" + corpus, text)
        written = os.path.join(corpus, "tokenizer.json")
        with open(text, encoding="utf-8", newline="") as opened:
            content = opened.read()
        expected = Tokenizer.from_file(file).encode(content).ids
        tally.say(f"{name}: tokenizers reads eon's file",
                  Tokenizer.from_file(written).encode(content).ids == expected)
        tally.say(f"{name}: eon reads its own file", eon_ids(written, content.encode()) == expected)


def compare_rule(tally, name, data, files, ranks):
    tik, hug = peers(name, files, ranks)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "tokenizer.json")
        hug.save(file)
        for text_name, text in texts(data, list(ranks)):
            expected = tik.encode_ordinary(text)
            tally.say(f"{name}: {text_name}", eon_ids(file, text.encode()) == expected
                      and hug.encode(text).ids == expected)
        compare_invalid(tally, name, file, tik)
        compare_written(tally, name, file, os.path.join(data, "wikitext2-valid.txt"))


def write_golden(files, ranks):
    rows = []
    for name in RULES:
        tik = peers(name, files, ranks)[0]
        for text in [text.encode() for text in AWKWARD] + AWKWARD_BYTES:
            rows.append(json.dumps({"rule": name, "hex": text.hex(),
                                    "ids": tik._encode_bytes(text)}))
    with open(os.path.join(HERE, "tokenizer_ids.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(rows) + "\n]\n")


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
    files = [os.path.join(arguments.data, name) for name in ("gpt2-encoder.json", "gpt2-vocab.bpe")]
    ranks = read_ranks(files)
    if arguments.write_golden:
        write_golden(files, ranks)

    tally = Tally()
    for name in RULES:
        compare_rule(tally, name, arguments.data, files, ranks)
    compare_training(tally, arguments.data)
    sys.exit(tally.failed > 0)


main()
