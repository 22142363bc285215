"""What the comparisons of tokenizers share: texts, how eon is asked, how a result is told."""
import gzip, os, random, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
EON = os.environ.get("EON", os.path.join(HERE, "../../build/eon"))

AWKWARD = [
    "", " ", "\n", "a", "  a  b  ", "it's we'll I'd they've you're I'm can't 'S 'LL", "''s'",
    "tab\there\r\n\r\n  end \t", "1234567890 12.5e-7 ½ Ⅷ ٣٤ 一二", "naïve café \u0063\u0327 ﬁn",
    "Привет, мир! Γειά σου 你好世界 こんにちは 안녕하세요 שלום مرحبا नमस्ते", "🙂👩‍👩‍👧🇩🇪 ☃\ufe0f",
    "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i", "a\u0085b\u0085\u0085 c",
    "\u0558\u1c89x\U00010d4012 '\u017f 'Sx\n \n  y  \n", "end \n  ",
    "a\u180eb \u180e \u200b\u200b\ufeff\u2060", "a\x1cb\x1d\x1e\x1f \x0b\x0c\x00\x00nul",
    "<|endoftext|> is plain text here", "a" * 95, "a" * 97, "-" * 200, " " * 130 + "x", "\n" * 99,
    "é" * 60, "\ufffd\ufffe\U0010ffff\ue000", "aaaa" * 40 + "b" * 33, "https://x.org/a_b?c=%20&d#e",
]


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
