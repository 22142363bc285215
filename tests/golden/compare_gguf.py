#!/usr/bin/env python3
"""Exports a checkpoint of eon as GGUF, in every type, and compares it with what others make of it.

    venv/bin/pip install numpy safetensors gguf llama-cpp-python
    venv/bin/python tests/golden/compare_gguf.py CHECKPOINT [--eon=build/eon] [--text=FILE ...]

With gguf, llama.cpp's own package for such files: every tensor has, bit for bit, the bytes that
this package makes of the checkpoint's, under the name that it gives them; the values are those of
config.json, and the tokens and merges those of tokenizer.json; of SentencePiece's kind the scores
order the merges that make a token as they are ordered there.

With llama-cpp-python, if it is there: llama.cpp loads the file, cuts the prompts and the texts into
the tokens that eon cuts them into, has the same logits within the type's tolerance, and from the
f32 file writes the same greedy text. Prints what was found; status 1 where it differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from safetensors.numpy import load_file

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

TYPES = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16,
         "bf16": gguf.GGMLQuantizationType.BF16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
# Of the largest logit. llama.cpp rounds what it multiplies by such a matrix as well, to halves or
# to 8 bits. Seen: 3e-7, 4e-4, 3e-3, 2e-2; and at least 9e-5 of GPT-2, whose GELU llama.cpp takes
# from a table of halves.
TOLERANCES = {"f32": 1e-5, "f16": 2e-3, "bf16": 1e-2, "q8_0": 5e-2}
GPT2_TOLERANCE = 1e-3
PROMPTS = ["ROMEO:\nI am the king, and", "The", "It's 1,024 'rare'  words;\n\n  and we'LL"]
GREEDY_TOKENS = 60
NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6

found_wrong = False


def say(is_right, what):
    global found_wrong
    found_wrong |= not is_right
    print(f"{'ok' if is_right else 'not ok'}: {what}")


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"not ok: {' '.join(command)} ends with {result.returncode}")
    return result.stdout


# ---- The file ------------------------------------------------------------------------------------

def value(reader, key):
    field = reader.fields.get(key)
    return None if field is None else field.contents()


def as_llama_cpp_wants(name, tensor, config):
    """GPT-2's products lie transposed; the halves of Llama's heads become neighbours."""
    if config["model_type"] == "gpt2" and ".c_" in name and tensor.ndim == 2:
        return tensor.T
    if "q_proj" in name or "k_proj" in name:
        heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
        halves = tensor.reshape(heads, 2, -1, *tensor.shape[1:])
        return halves.swapaxes(1, 2).reshape(tensor.shape)
    return tensor


def type_of(name, tensor, asked):
    if tensor.ndim == 1 or name == "position_embd.weight":
        return TYPES["f32"]
    return TYPES["f16"] if asked == "q8_0" and tensor.shape[-1] % 32 else TYPES[asked]


def compare_tensors(reader, checkpoint, config, asked):
    arch = {"gpt2": gguf.MODEL_ARCH.GPT2, "llama": gguf.MODEL_ARCH.LLAMA}[config["model_type"]]
    layers = config["n_layer" if arch == gguf.MODEL_ARCH.GPT2 else "num_hidden_layers"]
    names = gguf.get_tensor_name_map(arch, layers)
    ours = load_file(checkpoint / "model.safetensors")
    theirs = {tensor.name: tensor for tensor in reader.tensors}
    wrong, furthest = [], 0.0
    factors = theirs.pop("rope_freqs.weight", None)  # judged by what llama.cpp computes with them
    if (factors is not None) != ((config.get("rope_scaling") or {}).get("rope_type") == "llama3"):
        wrong.append("rope_freqs.weight")
    for our_name, tensor in ours.items():
        name = names.get_name(our_name, (".weight", ".bias"))
        other = theirs.pop(name, None)
        tensor = np.ascontiguousarray(as_llama_cpp_wants(our_name, tensor, config))
        wanted = type_of(name, tensor, asked)
        if other is None or other.tensor_type != wanted or \
                list(other.shape) != list(reversed(tensor.shape)) or \
                other.data.tobytes() != gguf.quants.quantize(tensor, wanted).tobytes():
            wrong.append(name)
            continue
        back = gguf.quants.dequantize(other.data, wanted).reshape(tensor.shape)
        furthest = max(furthest, np.abs(back - tensor).max() / np.abs(tensor).max())
    say(not wrong and not theirs,
        f"{asked}: {len(ours)} tensors, off by {furthest:.1e} of their largest at most"
        + (f"; wrong: {wrong}, left over: {list(theirs)}" if wrong or theirs else ""))


def compare_values(reader, config, asked):
    family = config["model_type"]
    keys = {"context_length": "n_positions", "embedding_length": "n_embd", "block_count": "n_layer",
            "feed_forward_length": "n_inner", "attention.head_count": "n_head",
            "attention.head_count_kv": "n_head", "vocab_size": "vocab_size",
            "attention.layer_norm_epsilon": "layer_norm_epsilon"}
    if family == "llama":
        keys = {"context_length": "max_position_embeddings", "embedding_length": "hidden_size",
                "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
                "attention.head_count": "num_attention_heads", "vocab_size": "vocab_size",
                "attention.head_count_kv": "num_key_value_heads",
                "attention.layer_norm_rms_epsilon": "rms_norm_eps",
                "rope.dimension_count": "head_dim", "rope.freq_base": "rope_theta"}
    file_types = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16,
                  "bf16": gguf.LlamaFileType.MOSTLY_BF16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
    wanted = {key: config[name] for key, name in keys.items()}
    wanted["attention.key_length"] = wanted["attention.value_length"] = \
        config.get("head_dim", wanted["embedding_length"] // wanted["attention.head_count"])
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") == "linear":
        wanted["rope.scaling.factor"] = scaling["factor"]
    wrong = [key for key, number in wanted.items()
             if value(reader, f"{family}.{key}") is None
             or np.float32(value(reader, f"{family}.{key}")) != np.float32(number)]
    if value(reader, "general.architecture") != family:
        wrong.append("general.architecture")
    if value(reader, "general.file_type") != file_types[asked]:
        wrong.append("general.file_type")
    say(not wrong, f"{asked}: {len(wanted) + 2} values of the model" + (f": {wrong}" * bool(wrong)))


def last_merge(name, ranks):
    """The rank of the merge that makes the token, or None."""
    parts, last = list(name), None
    while len(parts) > 1:
        rank, at = min((ranks.get(pair, len(ranks)), at)
                       for at, pair in enumerate(zip(parts, parts[1:])))
        if rank == len(ranks):
            return None
        parts[at:at + 2], last = ["".join(parts[at:at + 2])], rank
    return last


def compare_scores(reader, tokenizer, kinds):
    model = tokenizer["model"]
    ranks = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}
    made = {i: last_merge(token, ranks) for token, i in model["vocab"].items()
            if kinds[i] == NORMAL}
    order = sorted((i for i in made if made[i] is not None), key=made.get)
    wanted = [0.0] * len(kinds)
    for place, i in enumerate(order):
        wanted[i] = -float(place)
    prefix = any(part["type"] == "Prepend"
                 for part in (tokenizer["normalizer"] or {}).get("normalizers", []))
    say(value(reader, "tokenizer.ggml.scores") == wanted
        and value(reader, "tokenizer.ggml.merges") is None
        and value(reader, "tokenizer.ggml.add_space_prefix") == prefix
        and value(reader, "tokenizer.ggml.remove_extra_whitespaces") is False,
        f"{len(wanted)} scores of {len(order)} tokens that merges make, "
        f"{'a' if prefix else 'no'} blank before a text")


def kind_of(token, is_special, model):
    if is_special:
        return UNKNOWN if token == model["unk_token"] else CONTROL
    return BYTE if model["byte_fallback"] and token.startswith("<0x") else NORMAL


def compare_tokenizer(reader, checkpoint, config):
    path = checkpoint / "tokenizer.json"
    if not path.exists():
        say(value(reader, "tokenizer.ggml.model") == "none", "there is no tokenizer")
        return
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    model = tokenizer["model"]
    specials = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    names = {number: token for token, number in model["vocab"].items()} | specials
    tokens = value(reader, "tokenizer.ggml.tokens")
    kinds = value(reader, "tokenizer.ggml.token_type")
    wanted = [kind_of(names[i], i in specials, model) if i in names else UNUSED
              for i in range(config["vocab_size"])]
    say(len(set(tokens)) == len(tokens) == config["vocab_size"] and kinds == wanted
        and all(tokens[i] == name for i, name in names.items()), f"{len(tokens)} tokens")
    marks = {"bos": config["bos_token_id"], "eos": config["eos_token_id"]}
    if model["byte_fallback"]:
        compare_scores(reader, tokenizer, kinds)
        marks["unknown"] = next((i for i, kind in enumerate(kinds) if kind == UNKNOWN), None)
    else:
        merges = value(reader, "tokenizer.ggml.merges")
        say(merges == [" ".join(pair) for pair in model["merges"]],
            f"{len(merges)} merges, cut as {value(reader, 'tokenizer.ggml.pre')}")
    say(all(value(reader, f"tokenizer.ggml.{mark}_token_id") == i for mark, i in marks.items()),
        f"marks {marks}")


# ---- llama.cpp -----------------------------------------------------------------------------------

def load(path, positions):
    f32 = 0  # ggml's number: keys and values of the cache as they are
    return llama_cpp.Llama(str(path), n_ctx=positions, n_threads=1, n_threads_batch=1,
                           logits_all=True, type_k=f32, type_v=f32, flash_attn=False,
                           verbose=False)


def compare_text(model, eon, checkpoint, path):
    """In texts of 20 lines: each end of a text is a case of its own."""
    tokenizer = f"--tokenizer={checkpoint / 'tokenizer.json'}"
    lines = path.read_bytes().splitlines(keepends=True)
    blocks = [b"".join(lines[i:i + 20]) for i in range(0, len(lines), 20)]
    ours, theirs = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, block in enumerate(blocks):
            files.append(pathlib.Path(folder) / str(i))
            files[-1].write_bytes(block)
        encoded = []
        for i in range(0, len(files), 100):
            encoded += run(eon, "tokenizer", "encode", tokenizer,
                           *map(str, files[i:i + 100])).decode().splitlines()
    differ = 0
    for block, line in zip(blocks, encoded):
        ids = [int(word) for word in line.split()]
        ours += len(ids)
        differ += model.tokenize(block, add_bos=False, special=False) != ids
    say(differ == 0, f"{path.name}: {ours} tokens in {len(blocks)} texts, {differ} texts differ")


def compare_logits(model, eon, checkpoint, asked, family):
    tolerance = max(TOLERANCES[asked], GPT2_TOLERANCE if family == "gpt2" else 0)
    furthest, top, positions = 0.0, 0, 0
    for prompt in PROMPTS:
        tokens = model.tokenize(prompt.encode(), add_bos=True, special=False)
        answer = json.loads(run(eon, "logits", f"--model={checkpoint}",
                                f"--tokens={','.join(map(str, tokens))}"))
        cut = json.loads(run(eon, "logits", f"--model={checkpoint}", f"--text={prompt}"))
        if cut["tokens"] != tokens[1:]:
            say(False, f"{asked}: {prompt!r} is cut otherwise")
        model.reset()
        model.eval(tokens)
        ours, theirs = np.array(answer["logits"]), np.array(model.scores[:len(tokens)])
        furthest = max(furthest, np.abs(ours - theirs).max() / np.abs(ours).max())
        top += (ours.argmax(axis=1) == theirs.argmax(axis=1)).sum()
        positions += len(tokens)
    say(furthest <= tolerance,
        f"{asked}: logits at {positions} positions differ by {furthest:.1e} of the largest, "
        f"the first of {top} is the same")


def compare_greedy(model, eon, checkpoint):
    for prompt in PROMPTS:
        tokens = model.tokenize(prompt.encode(), add_bos=True, special=False)
        most = min(GREEDY_TOKENS, model._model.n_ctx_train() - len(tokens))
        ours = run(eon, "generate", f"--model={checkpoint}", f"--prompt={prompt}",
                   f"--tokens={most}", "--temperature=0")[len(prompt.encode()):-1]
        model.reset()
        written = []
        while len(written) < most and model.token_eos() not in written:
            model.eval(written[-1:] if written else tokens)
            written.append(int(np.argmax(model.scores[model.n_tokens - 1])))
        text = model.detokenize([token for token in written if token != model.token_eos()])
        say(text == ours, f"{len(written)} greedy tokens after {prompt!r}: {text[:40]!r}..."
            + ("" if text == ours else f", eon: {ours!r}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--eon", default="build/eon")
    parser.add_argument("--text", type=pathlib.Path, action="append", default=[],
                        help="a file that both are to cut into the same tokens")
    options = parser.parse_args()
    config = json.loads((options.checkpoint / "config.json").read_text())
    positions = config.get("n_positions") or config["max_position_embeddings"]

    with tempfile.TemporaryDirectory() as folder:
        for asked in TYPES:
            path = pathlib.Path(folder) / f"{asked}.gguf"
            run(options.eon, "checkpoint", "export", str(options.checkpoint), f"--out={path}",
                f"--type={asked}")
            reader = gguf.GGUFReader(path)
            compare_tensors(reader, options.checkpoint, config, asked)
            compare_values(reader, config, asked)
            if asked == "f32":
                compare_tokenizer(reader, options.checkpoint, config)
            if llama_cpp is None:
                continue
            model = load(path, positions)
            compare_logits(model, options.eon, options.checkpoint, asked, config["model_type"])
            if asked == "f32":
                compare_greedy(model, options.eon, options.checkpoint)
                for text in options.text:
                    compare_text(model, options.eon, options.checkpoint, text)
    if llama_cpp is None:
        print("llama-cpp-python is not there: llama.cpp itself was not asked")
    sys.exit(found_wrong)


if __name__ == "__main__":
    main()
