#!/usr/bin/env python3
"""Makes the golden outputs that tests/golden/test_golden*.c compare eon with.

    python3 -m venv venv && venv/bin/pip install numpy torch transformers safetensors
    venv/bin/python tests/golden/make_golden.py          # rewrites tests/golden/*.safetensors
    venv/bin/python tests/golden/make_golden.py gpt2 ... # these alone

The models are transformers' own GPT2LMHeadModel and LlamaForCausalLM, run by
PyTorch in float64 and in float32 on a CPU. Their sizes are awkward on purpose
(no multiple of a SIMD width), so that every kernel's tail takes part.

Weights and tokens are not stored: both sides compute them by the same closed
formula on integers, exactly (closed_values below; golden_values in
golden_case.c). A file holds, as float64 (".double") and float32 (".single"):

    logits.*             [B, T, V]
    gradient.NAME.*      of the SUM of the losses, shaped as the parameter NAME
    losses.*             [STEPS] mean loss before each of ten AdamW updates, and
    norms.*              [STEPS] the gradient's norm before clipping
    learning_rates       [STEPS] what the updates took
and the model's configuration as JSON in its metadata.

LlamaRMSNorm and LlamaRotaryEmbedding compute in float32 whatever the model's
type is; in float64 they are replaced by the same formulas without that
rounding. The float32 run is transformers as it is, and the script ends with the
distance of the two: about 1e-6, or the replacement is wrong.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

FOLDER = pathlib.Path(__file__).resolve().parent
B, T, STEPS = 3, 17, 10
ADAMW = {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1}
PEAK_RATE, WARMUP, CLIP_NORM = 3e-3, 3, 1.0

COMMON = {"layers": 2, "width": 36, "heads": 6, "ffn_width": 44, "vocab_size": 97,
          "max_positions": 23}
SMALL = {"layers": 2, "width": 12, "heads": 4, "ffn_width": 11, "vocab_size": 23,
         "max_positions": 23}
CASES = {
    "gpt2": {**COMMON, "family": "gpt2", "kv_heads": 6, "tied_head": True},
    "gpt2_untied": {**SMALL, "family": "gpt2", "kv_heads": 4, "tied_head": False},
    "llama_tied": {**COMMON, "family": "llama", "kv_heads": 2, "tied_head": True},
    "llama_untied": {**COMMON, "family": "llama", "kv_heads": 2, "tied_head": False},
    # Three pairs in a head, of 4.8, 1.03 and 0.2 turns over 30 positions: one of each kind.
    "llama_biased": {
        **SMALL, "family": "llama", "kv_heads": 2, "tied_head": True, "attention_bias": True,
        "mlp_bias": True, "head_dim": 6, "rope_theta": 100.0, "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 30}},
    "llama_linear": {
        **SMALL, "family": "llama", "kv_heads": 1, "tied_head": False, "mlp_bias": True,
        "head_dim": 4, "rope_scaling": {"rope_type": "linear", "factor": 3.0}},
}


def closed_values(name, count):
    """`count` integers in [0, 65536), a pure function of `name` and the index: FNV-1a of the
    name, a Weyl sequence of 32 bits, and its bits mixed (murmur3's finaliser)."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (seed + 2654435761 * np.arange(1, count + 1, dtype=np.uint64)) % 2**32
    x ^= x >> 16
    x = x * 0x85EBCA6B % 2**32
    x ^= x >> 13
    x = x * 0xC2B2AE35 % 2**32
    x ^= x >> 16
    return (x >> 16).astype(np.int64)


def closed_weights(name, shape):
    """Multiples of 2^-17 in [-1/4, 1/4), and around 1 for the norms' scales: exact in float32."""
    values = closed_values(name, int(np.prod(shape))).reshape(shape)
    weights = (values - 32768) / 2.0**17
    is_scale = len(shape) == 1 and name.endswith("weight")
    return torch.from_numpy(weights + 1 if is_scale else weights)


def closed_batch(step, vocab):
    """Tokens [B,T] and targets [B,T]; about one target in seven bears no loss."""
    tokens = closed_values(f"tokens.{step}", B * T) % vocab
    targets = closed_values(f"targets.{step}", B * T)
    targets = np.where(targets % 7 == 0, -100, targets % vocab)
    return (torch.from_numpy(a.reshape(B, T)) for a in (tokens, targets))


def precise_rms_norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def scaled_frequencies(frequency, rope):
    if rope["rope_type"] == "default":
        return frequency
    slowed = frequency / rope["factor"]
    if rope["rope_type"] == "linear":
        return slowed
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    turns = frequency * rope["original_max_position_embeddings"] / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return share * frequency + (1 - share) * slowed


def precise_rotary(self, x, position_ids):
    dim, rope = self.config.head_dim, self.config.rope_parameters
    frequency = rope["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    frequency = scaled_frequencies(frequency, rope)
    angle = position_ids[..., None].double() * frequency
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


class precise_llama:
    """Within: llama in float64 throughout, where `active`."""

    def __init__(self, active):
        self.active = active

    def __enter__(self):
        norm, rotary = modeling_llama.LlamaRMSNorm, modeling_llama.LlamaRotaryEmbedding
        self.originals = norm.forward, rotary.forward
        if self.active:
            norm.forward, rotary.forward = precise_rms_norm, precise_rotary

    def __exit__(self, *_):
        norm, rotary = modeling_llama.LlamaRMSNorm, modeling_llama.LlamaRotaryEmbedding
        norm.forward, rotary.forward = self.originals


def make_model(case, dtype):
    if case["family"] == "gpt2":
        config = GPT2Config(
            vocab_size=case["vocab_size"], n_positions=case["max_positions"],
            n_embd=case["width"], n_layer=case["layers"], n_head=case["heads"],
            n_inner=case["ffn_width"], activation_function="gelu_new", resid_pdrop=0, embd_pdrop=0,
            attn_pdrop=0, layer_norm_epsilon=1e-5, tie_word_embeddings=case["tied_head"],
            bos_token_id=None, eos_token_id=None)
        model = GPT2LMHeadModel(config)
    else:
        config = LlamaConfig(
            vocab_size=case["vocab_size"], hidden_size=case["width"],
            intermediate_size=case["ffn_width"], num_hidden_layers=case["layers"],
            num_attention_heads=case["heads"], num_key_value_heads=case["kv_heads"],
            head_dim=case.get("head_dim"), rms_norm_eps=1e-5,
            max_position_embeddings=case["max_positions"], rope_parameters={
                "rope_theta": case.get("rope_theta", 10000.0),
                **case.get("rope_scaling", {"rope_type": "default"})},
            attention_bias=case.get("attention_bias", False), mlp_bias=case.get("mlp_bias", False),
            tie_word_embeddings=case["tied_head"], bos_token_id=None, eos_token_id=None)
        model = LlamaForCausalLM(config)
    model.set_attn_implementation("sdpa")
    model = model.to(dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(closed_weights(name, tuple(parameter.shape)))
    return model.train()


def loss_sum(model, step):
    tokens, targets = closed_batch(step, model.config.vocab_size)
    logits = model(input_ids=tokens, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    return logits, loss, int((targets >= 0).sum())


def learning_rate(step):
    """Warm-up, then half a cosine, a tenth at the last step: trainer/optimizer/learning_rate.h."""
    if step < WARMUP:
        return PEAK_RATE * (step + 1) / WARMUP
    share = (step - WARMUP) / (STEPS - 1 - WARMUP)
    return 0.1 * PEAK_RATE + 0.9 * PEAK_RATE * 0.5 * (1 + np.cos(np.pi * share))


def train(model):
    """Ten updates by torch.optim.AdamW, matrices alone decaying: losses, norms, rates."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": ADAMW["weight_decay"]},
         {"params": vectors, "weight_decay": 0.0}],
        betas=(ADAMW["beta1"], ADAMW["beta2"]), eps=ADAMW["epsilon"])
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        _, loss, count = loss_sum(model, step)
        (loss / count).backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM).item())
        losses.append(loss.item() / count)
        rates.append(learning_rate(step))
        for group in optimizer.param_groups:
            group["lr"] = rates[-1]
        optimizer.step()
    return losses, norms, rates


def run(case, dtype, suffix):
    outputs = {}
    with precise_llama(dtype == torch.float64):
        model = make_model(case, dtype)
        logits, loss, _ = loss_sum(model, 0)
        loss.backward()
        outputs["logits" + suffix] = logits.detach().numpy()
        for name, parameter in model.named_parameters():
            outputs[f"gradient.{name}{suffix}"] = parameter.grad.numpy().copy()
        losses, norms, rates = train(model)
    outputs["losses" + suffix] = np.array(losses)
    outputs["norms" + suffix] = np.array(norms)
    outputs["learning_rates"] = np.array(rates)
    return outputs


def print_distances(name, outputs):
    worst = {"logits": 0.0, "gradient": 0.0, "losses": 0.0, "norms": 0.0}
    for key, double in outputs.items():
        if key.endswith(".double"):
            single = outputs[key.removesuffix(".double") + ".single"]
            distance = np.abs(single - double).max() / np.abs(double).max()
            worst[key.split(".")[0]] = max(worst[key.split(".")[0]], distance)
    print(name, ", ".join(f"{what} {distance:.1e}" for what, distance in worst.items()))


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or CASES:
        case = CASES[name]
        outputs = {**run(case, torch.float64, ".double"), **run(case, torch.float32, ".single")}
        outputs = {key: np.ascontiguousarray(value) for key, value in outputs.items()}
        settings = {**case, "sequences": B, "positions": T, "steps": STEPS, "clip_norm": CLIP_NORM,
                    **ADAMW, "made_with": f"torch {torch.__version__}"}
        save_file(outputs, FOLDER / f"{name}.safetensors",
                  {"settings": json.dumps(settings, sort_keys=True)})
        print_distances(name, outputs)


if __name__ == "__main__":
    main()
