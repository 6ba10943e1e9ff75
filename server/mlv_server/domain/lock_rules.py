"""Which files must be locked before they are changed (L3): the rules of a new repository, as data."""

from __future__ import annotations

from dataclasses import dataclass

from mlv_core.entities import VERSION_PATH, FileMode, FileState, LockNeed
from mlv_core.paths import glob_match


@dataclass(frozen=True, slots=True)
class LockRule:
    """Files that it speaks of: any of `endings`, or `glob`; of `text` or not, of at least `size` bytes.

    What is None, or empty, narrows nothing. The strictest rule that matches a file wins; order has no meaning.
    """

    need: LockNeed
    endings: frozenset[str] = frozenset()
    glob: str = "**"
    text: bool | None = None
    size: int = 0


def _endings(text: str) -> frozenset[str]:
    return frozenset(text.split())


WEIGHTS = _endings(
    "safetensors pt pth ckpt bin onnx gguf ggml h5 hdf5 keras pb tflite mlmodel mar engine joblib pkl pickle model "
    "msgpack orbax"
)
DATASETS = _endings("npy npz parquet arrow feather orc avro tfrecord tfrecords lmdb mdb db sqlite mat rds lance")
TABLES = _endings("csv tsv jsonl ndjson")
ARCHIVES = _endings("zip tar gz tgz bz2 xz zst 7z rar jar whl")
MEDIA = _endings("png jpg jpeg gif bmp tif tiff webp ico psd exr hdr dds tga wav mp3 flac ogg m4a mp4 mov avi mkv webm")
DOCUMENTS = _endings("pdf doc docx xls xlsx ppt pptx odt ods odp")
PROGRAMS = _endings("so dll dylib exe o a lib pyc class wasm")

TABLE_BYTES = 1 << 20
"""A table of text this large is a dataset: nobody reviews a merge of its rows. A smaller one is merged by lines."""
DATA_BYTES = 16 << 20
"""Text that no client merges by lines any more is data too."""

DEFAULT_RULES = (
    LockRule(LockNeed.REQUIRED, endings=WEIGHTS | DATASETS | ARCHIVES | MEDIA | DOCUMENTS | PROGRAMS),
    LockRule(LockNeed.REQUIRED, endings=TABLES, size=TABLE_BYTES),
    LockRule(LockNeed.REQUIRED, text=False),
    LockRule(LockNeed.REQUIRED, text=True, size=DATA_BYTES),
    LockRule(LockNeed.NONE, text=True),
)
"""Formats that nobody merges need a lock, whatever is in the file at the moment; so does anything that is not text."""


def need_of(path: str, state: FileState | None, rules: tuple[LockRule, ...] = DEFAULT_RULES) -> LockNeed:
    """What policy asks for before the file at `path` is changed; `state` None when nothing is known but the path."""
    if path == VERSION_PATH or (state is not None and state.mode is FileMode.SYMLINK):
        return LockNeed.NONE
    ending = path.rpartition("/")[2].rpartition(".")[2].casefold()
    return max((rule.need for rule in rules if _speaks_of(rule, path, ending, state)), default=LockNeed.NONE)


def _speaks_of(rule: LockRule, path: str, ending: str, state: FileState | None) -> bool:
    if rule.endings and ending not in rule.endings:
        return False
    if rule.text is not None and (state is None or state.text is not rule.text):
        return False
    if rule.size and (state is None or state.size < rule.size):
        return False
    return rule.glob == "**" or glob_match(rule.glob, path)
