"""Chains of frames: which frames a segment's decoding needs, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent
from mlv_core.hashing import ContentHash
from mlv_server.metadata.segments import FramePlace, SegmentPlace
from mlv_server.metadata.unit_of_work import Transaction

# The chain rule bounds depth at 9, Publish at 16; an upload that goes beyond this is refused.
DEPTH_LIMIT = 64

ReadBases = Callable[[FramePlace], tuple[ContentHash, ...]]
Have = Callable[[ContentHash], bool]


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames by what they decode to. `places` holds every segment met; `bases` each frame's bases by frame id."""

    places: dict[ContentHash, SegmentPlace] = field(default_factory=dict)
    bases: dict[int, tuple[ContentHash, ...]] = field(default_factory=dict)

    def frames(self, wanted: Iterable[ContentHash]) -> list[tuple[FramePlace, int]]:
        """The frames that `wanted` need, each after all of its bases' frames, with its depth (0: no base).

        Segments that `places` does not hold need none. Raises: DamagedContent when a frame leads back to itself
        or a chain is longer than DEPTH_LIMIT.
        """
        depths: dict[int, int] = {}
        ordered: list[tuple[FramePlace, int]] = []
        for name in wanted:
            place = self.places.get(name)
            if place is not None and place.frame.id not in depths:
                self._visit(place.frame, depths, ordered)
        return ordered

    def members(self) -> dict[int, list[ContentHash]]:
        """The segments of `places` by the id of their frame."""
        found: dict[int, list[ContentHash]] = {}
        for name, place in self.places.items():
            found.setdefault(place.frame.id, []).append(name)
        return found

    def _visit(self, start: FramePlace, depths: dict[int, int], ordered: list[tuple[FramePlace, int]]) -> None:
        stack = [start]
        open_frames: set[int] = set()
        while stack:
            frame = stack[-1]
            if frame.id in depths:
                stack.pop()
                continue
            below = self._below(frame)
            waiting = [base for base in below if base.id not in depths]
            if waiting and frame.id not in open_frames:
                open_frames.add(frame.id)
                stack.extend(waiting)
                continue
            if waiting:
                raise DamagedContent("A chain of deltas leads back to itself.", items=(f"frame {frame.id}",))
            depth = 1 + max((depths[base.id] for base in below), default=-1)
            if depth > DEPTH_LIMIT:
                raise DamagedContent(f"A chain of deltas is longer than {DEPTH_LIMIT}.", items=(f"frame {frame.id}",))
            depths[frame.id] = depth
            ordered.append((frame, depth))
            stack.pop()

    def _below(self, frame: FramePlace) -> list[FramePlace]:
        below: dict[int, FramePlace] = {}
        for name in self.bases[frame.id]:
            place = self.places.get(name)
            if place is not None:
                below[place.frame.id] = place.frame
        return list(below.values())


def trace(
    tx: Transaction, domain_id: int, wanted: Iterable[ContentHash], read_bases: ReadBases, have: Have | None = None
) -> Chain:
    """Follow the bases of `wanted` down to frames without any, in one query a level.

    Segments for which `have` holds are left out, with all below them. Segments that the domain does not have are
    absent from `places`; what is wanted may be among them.
    """
    chain = Chain()
    met: set[ContentHash] = set()
    waiting = list(dict.fromkeys(wanted))
    while waiting:
        level = [name for name in waiting if name not in met and not (have and have(name))]
        met.update(level)
        below: dict[ContentHash, None] = {}
        for name, place in tx.segments.find(domain_id, level).items():
            chain.places[name] = place
            if place.frame.id not in chain.bases:
                bases = place.frame.bases if place.frame.bases is not None else read_bases(place.frame)
                chain.bases[place.frame.id] = bases
                below.update(dict.fromkeys(bases))
        waiting = list(below)
    return chain
