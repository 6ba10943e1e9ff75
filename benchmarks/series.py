"""The series of the benchmark: which versions each keeps, under which name a workspace holds the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / ".corpus"


@dataclass(frozen=True, slots=True)
class Series:
    """One file's history: `trained` by a run or made as data, `typed` if cut by its container, versions by `steps`."""

    name: str
    file_name: str
    trained: bool
    typed: bool
    steps: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where the builders put the versions."""
        return CORPUS / self.name

    @property
    def complete(self) -> bool:
        """Whether every version was written to the end."""
        return (self.folder / ".complete").exists()

    def versions(self) -> list[Path]:
        """The versions' files, oldest first. Raises FileNotFoundError where the series is not built."""
        if not self.complete:
            raise FileNotFoundError(f"series {self.name} is not built: run python -m benchmarks.corpus.build")
        return sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))


def _model(name: str, steps: range, file_name: str = "model.safetensors") -> Series:
    return Series(name, file_name, trained=True, typed=True, steps=tuple(steps))


def _data(name: str, file_name: str, versions: int, *, typed: bool = False) -> Series:
    return Series(name, file_name, trained=False, typed=typed, steps=tuple(range(versions)))


_ALL = (
    _model("full_lr2e-5_bf16", range(0, 145, 24)),
    _model("full_lr2e-5_f32", range(0, 73, 24)),
    _model("full_lr2e-5_pt", range(48, 73, 24), "checkpoint.pt"),
    _model("full_lr1e-3_bf16", range(0, 73, 24)),
    _model("full_lr1e-3_f32", range(0, 49, 24)),
    _model("pure_bf16", range(0, 121, 24)),
    _model("lastlayer_f32", range(0, 49, 24)),
    _model("lora_merged_f32", range(0, 49, 24)),
    _model("long16_bf16", range(0, 129, 8)),
    _model("chain40", range(0, 79, 2)),
    _data("csv", "events.csv", 5),
    _data("jsonl", "events.jsonl", 3),
    _data("parquet", "events.parquet", 5),
    _data("parquet_cdc", "events.parquet", 5),
    _data("arrow", "events.arrow", 3),
    _data("npy", "embeddings.npy", 3, typed=True),
    _data("npz", "embeddings.npz", 3),
    _data("tar", "images.tar", 3),
    _data("tokenizer", "tokenizer.json", 4),
    _data("notebook", "train.ipynb", 5),
)
SERIES = {series.name: series for series in _ALL}
MODEL_SERIES = tuple(series.name for series in _ALL if series.trained)
DATA_SERIES = tuple(series.name for series in _ALL if not series.trained)


def chosen(names: list[str] | None) -> list[Series]:
    """The named series in the order of the table, all of them without names. Raises ValueError for an unknown name."""
    if not names:
        return list(_ALL)
    unknown = sorted(set(names) - SERIES.keys())
    if unknown:
        raise ValueError(f"unknown series {', '.join(unknown)}; known: {', '.join(SERIES)}")
    return [series for series in _ALL if series.name in names]
