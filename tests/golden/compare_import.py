#!/usr/bin/env python3
"""Imports models that transformers saved into eon, and compares the logits of both.

    venv/bin/pip install numpy torch transformers safetensors        (see make_golden.py)
    venv/bin/python tests/golden/compare_import.py [--eon=build/eon]

Models of random weights, biases and norms: every family, number of heads and of key-value heads,
tied head and not, type of the weights, in one file and in several, with and without the prefix
of the names. eon must give the logits of transformers, computed in float32 from the weights as
they are stored, within 1e-4 of their largest; and transformers must load what was imported with
exactly these weights. Prints a line for each; status 1 where one differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, \
    LlamaForCausalLM

TOLERANCE = 1e-4
VOCAB, POSITIONS = 97, 23
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def gpt2(heads, width=48, **settings):
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCAB, n_positions=POSITIONS, n_embd=width, n_layer=2, n_head=heads,
        bos_token_id=3, eos_token_id=5, **settings))


def llama(heads, kv_heads, tied, theta=10000.0, width=48, rope=None, **settings):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, hidden_size=width, intermediate_size=76, num_hidden_layers=2,
        num_attention_heads=heads, num_key_value_heads=kv_heads, tie_word_embeddings=tied,
        max_position_embeddings=POSITIONS, rms_norm_eps=1e-6, bos_token_id=3, eos_token_id=[5, 7],
        rope_parameters={"rope_type": "default", "rope_theta": theta, **(rope or {})}, **settings))


LLAMA_3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 8}


CASES = {
    "gpt2, 1 head": (lambda: gpt2(1), "fp32", None),
    "gpt2, 4 heads, bf16": (lambda: gpt2(4), "bf16", None),
    "gpt2, 6 heads, fp16": (lambda: gpt2(6), "fp16", None),
    "gpt2, n_inner 100": (lambda: gpt2(4, n_inner=100), "fp32", None),
    "gpt2, several files": (lambda: gpt2(4), "fp32", "30KB"),
    "llama, 1 head": (lambda: llama(1, 1, False), "fp32", None),
    "llama, 4 heads, tied": (lambda: llama(4, 4, True), "fp32", None),
    "llama, 4 heads of 2, bf16": (lambda: llama(4, 2, False), "bf16", None),
    "llama, 6 heads of 1, fp16": (lambda: llama(6, 1, False), "fp16", None),
    "llama, 6 heads of 3, theta 500000, tied": (lambda: llama(6, 3, True, 5e5), "fp32", None),
    "llama, several files, bf16": (lambda: llama(4, 2, False), "bf16", "20KB"),
    "llama, several files, tied": (lambda: llama(4, 2, True), "fp16", "8KB"),
    "gpt2, untied": (lambda: gpt2(4, tie_word_embeddings=False), "bf16", None),
    "llama, biases": (
        lambda: llama(4, 2, False, attention_bias=True, mlp_bias=True), "bf16", "20KB"),
    "llama, heads wider than the model": (lambda: llama(4, 2, True, head_dim=20), "fp16", None),
    "llama, scaled as llama 3": (lambda: llama(4, 2, True, 5e5, rope=LLAMA_3), "bf16", None),
    "llama, scaled linearly": (
        lambda: llama(4, 4, True, rope={"rope_type": "linear", "factor": 4.0}), "fp32", None),
    "gpt2, names without prefix": (lambda: gpt2(4), "bf16", "15KB", True),
    "llama, names without prefix": (lambda: llama(4, 2, True), "fp32", None, True),
}


def randomise(model, seed):
    """Biases and norms too, which transformers begins with 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_scale = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.2 * noise if is_scale else 0.15 * noise)


def run_eon(eon, *arguments):
    result = subprocess.run([eon, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"not ok: eon {arguments[0]}: {result.stderr.decode()}")
    return result.stdout


def load(folder):
    """In float32 from the start: RoPE's frequencies are no weights, and not rounded to bf16."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def logits_of(model, tokens):
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens])).logits[0].numpy()


def check_config(source, imported):
    for key in "bos_token_id", "eos_token_id":
        if source[key] != imported[key]:
            sys.exit(f"not ok: {key} is {imported[key]}, and was {source[key]}")


def save(model, folder, kind, shard_size, is_short):
    model = model.to(TYPES[kind])
    model = model.base_model if is_short else model
    model.save_pretrained(folder, **({"max_shard_size": shard_size} if shard_size else {}))


def compare(eon, folder, name, make, kind, shard_size, is_short=False):
    model = make()
    randomise(model, len(name))
    source, run = folder / "source", folder / "run"
    save(model, source, kind, shard_size, is_short)
    run_eon(eon, "checkpoint", "import", str(source), f"--out={run}")

    model = load(source)
    tokens = [int(token) for token in np.random.default_rng(7).integers(0, VOCAB, POSITIONS)]
    answer = run_eon(eon, "logits", f"--model={run}", "--tokens=" + ",".join(map(str, tokens)))
    ours, theirs = np.array(json.loads(answer)["logits"]), logits_of(model, tokens)

    checkpoint = run / "checkpoints/step-00000000"
    check_config(json.loads((source / "config.json").read_text()),
                 json.loads((checkpoint / "config.json").read_text()))
    for (key, value), other in zip(model.state_dict().items(),
                                   load(checkpoint).state_dict().values()):
        if not torch.equal(value, other):
            sys.exit(f"not ok: {name}: transformers loads another '{key}'")

    files = len(list(source.glob("*.safetensors")))
    distance = np.abs(ours - theirs).max() / np.abs(theirs).max()
    verdict = "ok" if ours.shape == theirs.shape and distance <= TOLERANCE else "not ok"
    print(f"{verdict}: {name}: {files} file{'s' * (files > 1)} of {kind}, logits differ by "
          f"{distance:.1e} of the largest ({np.abs(theirs).max():.3g})")
    return verdict == "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--eon", default="build/eon")
    options = parser.parse_args()
    good = True
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            good &= compare(options.eon, pathlib.Path(folder), name, *case)
    sys.exit(not good)


if __name__ == "__main__":
    main()
