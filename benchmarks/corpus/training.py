"""The training loop of the corpus: InfoNCE on adjacent text windows, AdamW, warm-up and linear decay."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.corpus.text import SEED

BATCH_PAIRS = 8
MAX_TOKENS = 48
TEMPERATURE = 20.0
Save = Callable[[int, torch.optim.Optimizer], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters of one run; `save_every` in steps."""

    learning_rate: float
    weight_decay: float
    steps: int
    save_every: int


class Lora(torch.nn.Module):
    """A linear layer plus a low-rank update `scale * B @ A` (Hu et al. 2021), B zero at the start."""

    def __init__(self, linear: torch.nn.Linear, rank: int = 8, alpha: int = 16) -> None:
        """Wrap `linear`, whose own weights are left as they are."""
        super().__init__()
        self.linear, self.scale = linear, alpha / rank
        self.a = torch.nn.Parameter(torch.randn(rank, linear.in_features) / rank)
        self.b = torch.nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output with the update added."""
        return self.linear(x) + (x @ self.a.t() @ self.b.t()) * self.scale

    def merged(self) -> torch.Tensor:
        """The weight with the update added, detached."""
        return (self.linear.weight + self.scale * (self.b @ self.a)).detach().clone()


def fresh_model(base: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The base model as on the first day, all seeds set again."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - transformers draws from the global generator
    torch.manual_seed(SEED)
    return AutoModel.from_pretrained(base, attn_implementation="eager", dtype=dtype)


def embed(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors of the texts, shape (len(texts), width): mean of the last hidden states."""
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    hidden = model(**batch).last_hidden_state.float()
    mask = batch["attention_mask"].unsqueeze(-1).float()
    return functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    recipe: Recipe,
    save: Save,
) -> None:
    """Train every parameter that requires a gradient; `save(step, optimizer)` at step 0 and each `save_every`."""
    params = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    warm = max(1, recipe.steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warm, max(0.02, (recipe.steps - s) / recipe.steps))
    )
    model.train()
    save(0, optimizer)
    started = time.monotonic()
    for step in range(1, recipe.steps + 1):
        at = (step * BATCH_PAIRS) % (len(pairs) - BATCH_PAIRS)
        left, right = zip(*pairs[at : at + BATCH_PAIRS], strict=True)
        scores = embed(model, tokenizer, left) @ embed(model, tokenizer, right).t() * TEMPERATURE
        loss = functional.cross_entropy(scores, torch.arange(len(left)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % recipe.save_every == 0:
            save(step, optimizer)
            print(f"  step {step}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s", flush=True)
