"""What the reference codec needs for each version of a series: against the parent, and with the chain rule's bases.

Typed files are cut as the product's formats say: a tensor of 64 KiB or more in pieces of 2 MiB from its start, the
header apart, all smaller tensors and the bytes between joined and cut at 2 MiB. Everything else: content-defined
chunks (16 KiB average), chunks that history has cost nothing, each run of new chunks is patched against the old bytes
between its two anchors. No metadata is counted here: no recipe, no hash, no frame header.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Protocol

import blake3
import zstandard
from pyfastcdc import FastCDC

from benchmarks import containers, reference_codec
from benchmarks.reference_patch import patch_bytes
from benchmarks.series import CORPUS, HERE, Series, chosen

PIECE = 2 << 20
FRAME = 4 << 20
SMALL = 64 << 10
CACHE = CORPUS / "reference.json"
_SOURCES = ("reference.py", "reference_patch.py", "reference_codec.py", "containers.py")


@dataclass(frozen=True, slots=True)
class Figures:
    """Bytes of one version: plain, reference against the parent, reference against the chain rule's base, zstd -3."""

    plain: int
    parent: int
    chain: int
    zstd3: int


class Cut(Protocol):
    """A version cut for comparison with others of its series."""

    hashes: set[bytes]

    def cost(self, base: Cut | None, known: set[bytes]) -> int:
        """Bytes to store this version where `known` segments are there and `base` may be used."""


def chain_base(number: int) -> int | None:
    """The chain rule: lowest non-zero base-4 digit lowered by one; None (stored full) at multiples of 64."""
    if number % 64 == 0:
        return None
    step = 1
    while number // step % 4 == 0:
        step *= 4
    return number - step


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of one tensor; `key` names tensor and position."""

    key: tuple[str, int]
    digest: bytes
    plain: bytes
    width: int
    mantissa: int


class TypedCut:
    """A container cut by its tensors."""

    def __init__(self, data: bytes) -> None:
        """Cut `data`. Raises ValueError where it is no known container."""
        pieces = [Piece(k, _digest(p), p, w, m) for k, p, w, m in _typed_pieces(data)]
        self.pieces = {piece.key: piece for piece in pieces}
        self.hashes = {piece.digest for piece in pieces}

    def cost(self, base: Cut | None, known: set[bytes]) -> int:
        """Each new piece against the piece of the same key and length."""
        old = base.pieces if isinstance(base, TypedCut) else {}
        fresh = {piece.digest: piece for piece in self.pieces.values() if piece.digest not in known}
        return sum(_piece_cost(piece, old.get(piece.key)) for piece in fresh.values())


def _piece_cost(piece: Piece, old: Piece | None) -> int:
    if piece.width == 0:
        return patch_bytes(piece.plain, old.plain if old else b"")
    base = old.plain if old and len(old.plain) == len(piece.plain) else None
    return len(reference_codec.encode(piece.plain, piece.width, piece.mantissa, base))


def _typed_pieces(data: bytes) -> Iterator[tuple[tuple[str, int], bytes, int, int]]:
    found = containers.tensors(data)
    small: Counter[str] = Counter()
    rest, at = [], 0
    header = found[0].start if found else len(data)
    yield ("header", 0), data[:header], 0, 0
    at = header
    for tensor in found:
        if tensor.length < SMALL:
            small[tensor.element] += tensor.length
            continue
        rest.append(data[at : tensor.start])
        at = tensor.start + tensor.length
        width, mantissa = containers.LAYOUTS[tensor.element]
        for offset in range(0, tensor.length, PIECE):
            end = min(tensor.start + offset + PIECE, at)
            yield (tensor.key, offset), data[tensor.start + offset : end], width, mantissa
    rest.append(data[at:])
    width, mantissa = containers.LAYOUTS[small.most_common(1)[0][0]] if small else (1, 0)
    joined = b"".join(rest)
    for offset in range(0, len(joined), PIECE):
        yield ("rest", offset), joined[offset : offset + PIECE], width, mantissa


class ChunkedCut:
    """Any other file, cut by content."""

    def __init__(self, data: bytes) -> None:
        """Cut `data` in content-defined chunks."""
        cutter = FastCDC(avg_size=16 << 10, min_size=4 << 10, max_size=64 << 10)
        self.data = data
        self.chunks = [
            (_digest(data[c.offset : c.offset + c.length]), c.offset, c.length) for c in cutter.cut_buf(data)
        ]
        self.places = {digest: (offset, length) for digest, offset, length in self.chunks}
        self.hashes = set(self.places)

    def cost(self, base: Cut | None, known: set[bytes]) -> int:
        """Each run of new chunks as a patch of the base's bytes between the run's two anchors."""
        old = base if isinstance(base, ChunkedCut) else None
        if old is None:
            fresh = b"".join(self.data[o : o + length] for digest, o, length in self.chunks if digest not in known)
            return sum(patch_bytes(fresh[at : at + FRAME], b"") for at in range(0, len(fresh), FRAME))
        total, left = 0, 0
        run: list[bytes] = []
        seen: set[bytes] = set()
        for digest, offset, length in self.chunks:
            place = old.places.get(digest)
            if place is None and digest not in known and digest not in seen:
                seen.add(digest)
                run.append(self.data[offset : offset + length])
            elif place is not None:
                if run:
                    total += patch_bytes(b"".join(run), old.data[left : max(left, place[0])])
                    run = []
                left = place[0] + place[1]
        return total + (patch_bytes(b"".join(run), old.data[left:]) if run else 0)


def _digest(plain: bytes) -> bytes:
    return blake3.blake3(plain).digest()


def measure(series: Series) -> list[Figures]:
    """The figures of every version of `series`, oldest first (version 0 has no base)."""
    cuts: list[Cut] = []
    known: set[bytes] = set()
    figures = []
    for number, path in enumerate(series.versions()):
        data = path.read_bytes()
        cut: Cut = TypedCut(data) if series.typed else ChunkedCut(data)
        base = chain_base(number)
        parent = cut.cost(cuts[-1] if cuts else None, known)
        chain = parent if base == number - 1 or not number else cut.cost(None if base is None else cuts[base], known)
        figures.append(Figures(len(data), parent, chain, len(zstandard.ZstdCompressor(level=3).compress(data))))
        cuts.append(cut)
        known |= cut.hashes
    return figures


def figures_of(series: Series) -> list[Figures]:
    """As `measure`, remembered in the corpus folder until a file of the series or the reference itself changes."""
    state = hashlib.sha256()
    for path in [*(HERE / name for name in _SOURCES), *series.versions()]:
        state.update(blake3.blake3().update_mmap(path).digest())
    remembered = json.loads(CACHE.read_text(encoding="utf-8")) if CACHE.exists() else {}
    entry = remembered.get(series.name)
    if entry is None or entry["state"] != state.hexdigest():
        entry = {"state": state.hexdigest(), "versions": [asdict(figure) for figure in measure(series)]}
        remembered[series.name] = entry
        CACHE.write_text(json.dumps(remembered, indent=1), encoding="utf-8")
    return [Figures(**version) for version in entry["versions"]]


def next_versions(figures: list[Figures]) -> Figures:
    """The sum of every version but the first."""
    later = figures[1:]
    return Figures(
        sum(f.plain for f in later),
        sum(f.parent for f in later),
        sum(f.chain for f in later),
        sum(f.zstd3 for f in later),
    )


def main() -> int:
    """Print the reference's figures of the chosen series in MB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", nargs="*")
    for series in chosen(parser.parse_args().series):
        total = next_versions(figures_of(series))
        values = "  ".join(f"{name} {value / 1e6:.3f}" for name, value in asdict(total).items())
        print(f"{series.name:20} {values}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
