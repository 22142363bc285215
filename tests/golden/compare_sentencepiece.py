#!/usr/bin/env python3
"""Compares eon's token ids and decoded texts of SentencePiece's BPE with those of tokenizers.

    pip install tokenizers sentencepiece transformers
    tests/golden/compare_sentencepiece.py DATA                 compares, prints a line for each
    tests/golden/compare_sentencepiece.py DATA --write-golden  writes the golden files first
    tests/golden/compare_sentencepiece.py DATA --tokenizer=F   compares by F's vocabulary as well

Vocabularies are trained by sentencepiece on DATA's wikitext2-valid.txt and tinyshakespeare.txt, and
put into each layout that transformers has or had for Llama 2 and Mistral (LAYOUTS). Compared are
all files of DATA, awkward and random texts, runs, every character; vocabularies whose merges are
drawn at random, in any order and across blanks; and the tokenizer.json that eon writes, loaded by
tokenizers and by transformers. `make test` does not run this: tests/unit/test_sentencepiece.c
checks against sentencepiece.json, a small vocabulary, and sentencepiece_ids.json.
"""
import argparse, json, os, random, sys, tempfile

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import generate_merges

from tokenizer_peers import AWKWARD, HERE, Tally, eon, texts

MARK = "▁"
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LAYOUTS = {  # normalizer or pre_tokenizer, and decoder
    "normalizer": ("Prepend", "Strip"), "normalizer without prefix": ("Replace", "Fuse"),
    "first": ("first", "Strip"), "always": ("always", "Strip"), "never": ("never", "Fuse"),
    "first, split": ("first split", "Strip"), "never, split": ("never split", "Fuse"),
    "Metaspace's decoder": ("always split", "Metaspace"),
}
GOLDEN_LAYOUTS = ["normalizer", "first", "never, split"]
AWKWARD_HERE = AWKWARD + [
    MARK, MARK + "a", " " + MARK, "a" + MARK + " b", MARK * 99, "<s> a</s><unk> <0x41>", "\x00", "▀▂",
    "中", " 中文 é", "the  the   the    the", "\n\n the", "e\u0301", "🙂🙂", " the" * 40, "the" * 60,
]


def train(size, files, **options):
    """Vocabulary and merges, as transformers takes them from a model of sentencepiece."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "model")
        sentencepiece.SentencePieceTrainer.train(
            input=",".join(files), model_prefix=prefix, vocab_size=size, model_type="bpe",
            byte_fallback=True, normalization_rule_name="identity", split_digits=True,
            remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, num_threads=1,
            required_chars="é中", minloglevel=2, **options)
        model = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
    vocab = {model.id_to_piece(i): i for i in range(len(model))}
    return vocab, generate_merges(vocab, {t: model.get_score(i) for t, i in vocab.items()})


def draw_vocabulary(draw):
    """Merges at random: any order of ranks, blanks anywhere in a token."""
    names = ["a", "b", MARK, "é", "中"]
    merges = []
    for _ in range(draw.randrange(60)):
        pair = (draw.choice(names), draw.choice(names))
        if pair not in merges and len("".join(pair)) < 12:
            merges.append(pair)
            if "".join(pair) not in names:
                names.append("".join(pair))
    draw.shuffle(merges)
    return {token: i for i, token in enumerate(SPECIAL + BYTES + names)}, merges


def lay_out(vocab, merges, layout, whole=False):
    marks, ending = LAYOUTS[layout]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True,
                                     byte_fallback=True, ignore_merges=whole))
    replace = normalizers.Replace(" ", MARK)
    if marks == "Prepend":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), replace])
    elif marks == "Replace":
        tokenizer.normalizer = normalizers.Sequence([replace])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            prepend_scheme=marks.split()[0], split=marks.endswith("split"))
    steps = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    if ending == "Strip":
        steps.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = (decoders.Metaspace(prepend_scheme="always") if ending == "Metaspace"
                         else decoders.Sequence(steps))
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in SPECIAL])
    return plain(tokenizer)


def plain(tokenizer):
    tokenizer.encode_special_tokens = True  # as text, where a text spells them
    return tokenizer


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def many_ids(file, folder, contents):
    """eon's ids of many texts, by one call."""
    paths = []
    for i, text in enumerate(contents):
        paths.append(os.path.join(folder, f"{i}.txt"))
        with open(paths[-1], "wb") as opened:
            opened.write(text.encode())
    lines = eon("tokenizer", "encode", "--tokenizer=" + file, *paths).decode().split("\n")
    return [list(map(int, line.split())) for line in lines[:-1]]


def decoded(file, ids):
    return eon("tokenizer", "decode", "--tokenizer=" + file, text=" ".join(map(str, ids)).encode())


def expected_text(tokenizer, ids):
    """Metaspace's decoder prints tokens of bytes by their names, where eon decodes them."""
    if not isinstance(tokenizer.decoder, decoders.Metaspace):
        return tokenizer.decode(ids, skip_special_tokens=False).encode()
    tokens = [tokenizer.id_to_token(i) for i in ids]
    parts = [bytes([BYTES.index(t)]) if t in BYTES else
             t.replace(MARK, " " if i else "").encode() for i, t in enumerate(tokens)]
    return b"".join(parts)


def compare_texts(tally, name, tokenizer, named, decode_all=False):
    """One line for all texts, and one for each that differs."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "tokenizer.json")
        tokenizer.save(file)
        found = many_ids(file, folder, [text for _, text in named])
        wrong = []
        for (text_name, text), ids in zip(named, found):
            expected = ids_of(tokenizer, text)
            wrong += [text_name] if ids != expected else []
            if (decode_all or len(text) > 1000) and decoded(file, ids) != expected_text(tokenizer, ids):
                wrong.append(text_name + " decoded")
    tally.say(f"{name}: {len(named)} texts" + "".join(", not " + text for text in wrong), not wrong)


def compare_random_ids(tally, name, tokenizer, draw):
    """Ids that no text has: what decodes to UTF-8 decodes alike. tokenizers puts U+FFFD for each
    byte of what does not, where eon leaves the bytes."""
    wrong, compared = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "tokenizer.json")
        tokenizer.save(file)
        for _ in range(60):
            ids = draw.choices(range(tokenizer.get_vocab_size()), k=draw.randrange(1, 6))
            text = decoded(file, ids)
            try:
                text.decode()
            except UnicodeDecodeError:
                continue
            compared += 1
            wrong += text != expected_text(tokenizer, ids)
    tally.say(f"{name}: {compared} random lists of ids decoded", not wrong)


def compare_written(tally, name, tokenizer, path):
    """eon writes the tokenizer that it read into a corpus, and checks what the corpus holds."""
    with tempfile.TemporaryDirectory() as folder:
        file, corpus = os.path.join(folder, "tokenizer.json"), os.path.join(folder, "corpus")
        tokenizer.save(file)
        eon("shards", "build", "--tokenizer=" + file, "--out=" + corpus, path)
        eon("shards", "verify", corpus)
        written = os.path.join(corpus, "tokenizer.json")
        with open(path, encoding="utf-8", newline="") as opened:
            content = opened.read()
        expected = ids_of(tokenizer, content)
        loaded = PreTrainedTokenizerFast(tokenizer_file=written)
        tally.say(f"{name}: tokenizers reads eon's file",
                  ids_of(plain(Tokenizer.from_file(written)), content) == expected)
        tally.say(f"{name}: transformers reads eon's file",
                  loaded.encode(content, add_special_tokens=False) == expected
                  and loaded.decode(expected) == tokenizer.decode(expected))
        tally.say(f"{name}: eon reads its own file", many_ids(written, folder, [content])[0] == expected)


def write_golden(vocab, merges):
    lay_out(vocab, merges, "normalizer").save(os.path.join(HERE, "sentencepiece.json"), pretty=False)
    rows = []
    for layout in GOLDEN_LAYOUTS:
        tokenizer = lay_out(vocab, merges, layout)
        for text in AWKWARD_HERE:
            ids = ids_of(tokenizer, text)
            back = tokenizer.decode(ids, skip_special_tokens=False).encode()
            row = {"layout": layout, "hex": text.encode().hex(), "ids": ids}
            row |= {"back": back.hex()} if back != text.encode() else {}
            rows.append(json.dumps(row, separators=(",", ":")))
    with open(os.path.join(HERE, "sentencepiece_ids.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(rows) + "\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--write-golden", action="store_true")
    parser.add_argument("--tokenizer")
    arguments = parser.parse_args()
    files = [os.path.join(arguments.data, name)
             for name in ("wikitext2-valid.txt", "tinyshakespeare.txt")]
    small = train(620, files)
    if arguments.write_golden:
        write_golden(*small)
    vocabularies = {"620": small, "8000": train(8000, files),
                    "across blanks": train(2000, files[:1], split_by_whitespace=False)}
    if arguments.tokenizer:
        with open(arguments.tokenizer, encoding="utf-8") as opened:
            model = json.load(opened)["model"]
        vocabularies["given"] = (model["vocab"], [tuple(pair) for pair in model["merges"]])

    tally, draw = Tally(), random.Random(4)
    for name, (vocab, merges) in vocabularies.items():
        tokens = [token.replace(MARK, " ").encode() for token in vocab]
        many = list(texts(arguments.data, tokens))
        awkward = [(repr(t[:30]), t) for t in AWKWARD_HERE]
        for layout in LAYOUTS:
            tokenizer = lay_out(vocab, merges, layout)
            compare_texts(tally, f"{name}, {layout}", tokenizer, awkward, decode_all=True)
            if layout in GOLDEN_LAYOUTS[:2]:
                compare_texts(tally, f"{name}, {layout}", tokenizer, many)
            compare_random_ids(tally, f"{name}, {layout}", tokenizer, draw)
        for layout in GOLDEN_LAYOUTS:
            compare_written(tally, f"{name}, {layout}", lay_out(vocab, merges, layout), files[1])
    for i in range(100):
        vocab, merges = draw_vocabulary(draw)
        layout, whole = draw.choice(list(LAYOUTS)), draw.random() < 0.3
        letters = ["a", "b", " ", "é", "中", MARK, "c", "文", "\n"]
        named = [(str(k), "".join(draw.choices(letters, draw.choices(range(1, 10), k=9), k=k)))
                 for k in [*range(12), *range(12), 95, 96, 97, 200, 5000, 20000]]
        named += [(repr(token), token.replace(MARK, " ")) for token in list(vocab)[259:]]
        compare_texts(tally, f"merges at random {i}, {layout}{', whole' if whole else ''}",
                      lay_out(vocab, merges, layout, whole), named)
    sys.exit(tally.failed > 0)


main()
