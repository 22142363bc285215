#!/usr/bin/env python3
"""Loads a checkpoint of eon with transformers, as it is, and compares it with eon itself.

    venv/bin/pip install numpy torch transformers safetensors        (see make_golden.py)
    venv/bin/python tests/golden/compare_transformers.py CHECKPOINT [--eon=build/eon] [--text=...]

AutoTokenizer must cut the text into the same tokens, and bring them back to the
same text; AutoModelForCausalLM must give the same logits at every position,
within 1e-4 of their largest. Prints what was found; status 1 where it differs.
"""

import argparse
import json
import subprocess
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-4
# Contractions, digits, blanks in a row, a tab, characters of two and three bytes; short enough
# for a model of 64 positions even where every byte is a token.
TEXT = "It's 1,024  naïve –\tand 'rare' words; 日本  "


def logits_of_eon(eon, checkpoint, text):
    command = [eon, "logits", f"--model={checkpoint}", f"--text={text}"]
    result = subprocess.run(command, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"not ok: eon ends with {result.returncode}")
    answer = json.loads(result.stdout)
    return answer["tokens"], np.array(answer["logits"])


def logits_of_transformers(checkpoint, tokens):
    model, report = AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float32, output_loading_info=True)
    left_over = [key for key, names in report.items() if names]
    if left_over:
        sys.exit(f"not ok: transformers loads with {left_over}: {report}")
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([tokens])).logits[0]
    return type(model).__name__, logits.numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--eon", default="build/eon")
    parser.add_argument("--text", default=TEXT)
    options = parser.parse_args()

    tokens, ours = logits_of_eon(options.eon, options.checkpoint, options.text)
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    theirs = tokenizer(options.text)["input_ids"]
    if theirs != tokens:
        sys.exit(f"not ok: tokens differ\n  eon          {tokens}\n  transformers {theirs}")
    if tokenizer.decode(tokens) != options.text:
        sys.exit(f"not ok: the tokens come back as {tokenizer.decode(tokens)!r}")

    name, reference = logits_of_transformers(options.checkpoint, tokens)
    distance = np.abs(ours - reference).max() / np.abs(reference).max()
    verdict = "ok" if ours.shape == reference.shape and distance <= TOLERANCE else "not ok"
    print(f"{verdict}: {name}, {len(tokens)} tokens alike, logits {ours.shape} differ by "
          f"{distance:.1e} of the largest ({np.abs(reference).max():.3g})")
    sys.exit(verdict != "ok")


if __name__ == "__main__":
    main()
