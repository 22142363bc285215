"""A training step of GPT-2 124M in plain PyTorch, as a person would write it on one CPU.

    python tests/bench/pytorch_step.py --mode=eager|compile --precision=fp32|bf16
        [--batch=4] [--seq_len=256] [--threads=2] [--steps=3]

Runs one mode in this process and prints one JSON object: seconds of each step after the first two
(which allocate, and compile), their median, tokens a second, and the largest resident set in bytes.
The step is what `eon bench step` does: forward, cross-entropy, backward, clipping by the global
norm, fused AdamW. bf16 is autocast, with weights and optimizer in fp32, as in eon.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

VOCAB, WIDTH, HEADS, LAYERS = 50257, 768, 12, 12


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.ffn_norm = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, 4 * WIDTH)
        self.contract = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        batch, length, _ = x.shape
        heads = (t.view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)
                 for t in self.qkv(self.attention_norm(x)).split(WIDTH, dim=2))
        attended = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.contract(F.gelu(self.expand(self.ffn_norm(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, positions):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.final_norm = nn.LayerNorm(WIDTH)
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def forward(self, inputs, targets):
        x = self.tokens(inputs) + self.positions(torch.arange(inputs.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.final_norm(x), self.tokens.weight)  # the tied head
        return F.cross_entropy(logits.view(-1, VOCAB), targets.view(-1))


def peak_bytes():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["eager", "compile"], required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq_len", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    given = parser.parse_args()

    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    model = GPT2(given.seq_len)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), fused=True)
    shape = (given.batch, given.seq_len)
    inputs, targets = torch.randint(VOCAB, shape), torch.randint(VOCAB, shape)
    run = torch.compile(model) if given.mode == "compile" else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=given.precision == "bf16"):
            loss = run(inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    seconds = []
    for i in range(2 + given.steps):
        begun = time.perf_counter()
        step()
        if i >= 2:
            seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    print(json.dumps({
        "torch": torch.__version__, "mode": given.mode, "precision": given.precision,
        "batch": given.batch, "seq_len": given.seq_len, "threads": given.threads,
        "seconds": seconds, "median_seconds": median,
        "tokens_per_second": given.batch * given.seq_len / median, "peak_bytes": peak_bytes(),
    }), flush=True)


if __name__ == "__main__":
    main()
