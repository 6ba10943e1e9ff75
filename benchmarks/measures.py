"""The figures of a comparison: gathered act by act, medians of each, tables with the best rival beside us."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.machine import markdown_table
from benchmarks.rivals.base import Cost

US = "mlv"
LIMITS = frozenset({"cp", "reference pipe"})
EMULATED = "emulation"
# What counts as the same: seconds below the noise of a start, sizes below some file system blocks.
SAME = {"s": 0.01, "MB": 0.1}
# Memory is in the tables; being ahead of others in it is no promise below this.
MEMORY_PROMISE_MB = 400.0

_OF_COST: tuple[tuple[str, str, Callable[[Cost], float | None]], ...] = (
    ("", "s", lambda c: c.seconds),
    (", own clock", "s", lambda c: c.inside),
    (", CPU of both sides", "s", lambda c: c.client_cpu + c.server_cpu),
    (", CPU of the server afterwards", "s", lambda c: c.background_cpu if c.background_cpu > 0.02 else None),
    (", wire both ways", "MB", lambda c: None if c.sent is None else (c.sent + (c.received or 0)) / 1e6),
    (", peak memory of the client", "MB", lambda c: c.client_peak / 1e6),
    (", peak memory of the server", "MB", lambda c: c.server_peak / 1e6 if c.server_peak else None),
)


@dataclass(slots=True)
class Figures:
    """Costs of acts and plain sizes of one case, by (what, system)."""

    row: str
    case: str
    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, act: str, system: str, cost: Cost) -> None:
        """One more run of an act."""
        self.costs[act, system].append(cost)

    def measures(self, *, brief: bool = False) -> list[Measure]:
        """Every measure, in the order in which acts were first seen; brief ones have seconds only."""
        acts = list(dict.fromkeys(act for act, _ in self.costs))
        found = []
        for act in acts:
            for suffix, unit, of in _OF_COST[:1] if brief else _OF_COST:
                values = self._medians(act, of)
                if values:
                    runs = max(len(costs) for (name, _), costs in self.costs.items() if name == act)
                    found.append(Measure(self.row, self.case, act + suffix, unit, values, runs))
        for what in dict.fromkeys(what for what, _ in self.sizes):
            values = {system: size / 1e6 for (name, system), size in self.sizes.items() if name == what}
            found.append(Measure(self.row, self.case, what, "MB", values, 1))
        return found

    def _medians(self, act: str, of: Callable[[Cost], float | None]) -> dict[str, float]:
        medians = {}
        for (name, system), costs in self.costs.items():
            values = [value for cost in costs if (value := of(cost)) is not None]
            if name == act and values:
                medians[system] = statistics.median(values)
        return medians


@dataclass(frozen=True, slots=True)
class Measure:
    """Medians of one measure by system; smaller is better."""

    row: str
    case: str
    what: str
    unit: str
    values: dict[str, float]
    runs: int

    @property
    def best_rival(self) -> str | None:
        """The best system that is neither we, nor a limit, nor an emulation."""
        rivals = {s: v for s, v in self.values.items() if s != US and s not in LIMITS and not s.startswith(EMULATED)}
        return min(rivals, key=lambda system: rivals[system]) if rivals else None

    @property
    def ratio(self) -> float | None:
        """We / the best rival."""
        best = self.best_rival
        if best is None or US not in self.values:
            return None
        return max(self.values[US], SAME[self.unit] / 10) / max(self.values[best], SAME[self.unit] / 10)

    @property
    def behind(self) -> bool:
        """Whether a rival is ahead by more than what counts as the same."""
        best, ratio = self.best_rival, self.ratio
        if "memory" in self.what and self.values.get(US, 0.0) < MEMORY_PROMISE_MB:
            return False
        return bool(best and ratio and ratio > 1.02 and self.values[US] - self.values[best] > SAME[self.unit])


def table(measures: list[Measure], systems: list[str]) -> str:
    """One line a measure, one column a system, and the ratio to the best rival."""
    there = [system for system in systems if any(system in measure.values for measure in measures)]
    rows = []
    for measure in measures:
        cells = [number(measure.values.get(system)) for system in there]
        ratio = "" if measure.ratio is None else f"{measure.ratio:.2f} x {measure.best_rival}"
        mark = "**behind** " if measure.behind else ""
        rows.append((f"{measure.what} ({measure.unit})", *cells, mark + ratio))
    return markdown_table(("median", *there, "mlv / best rival"), rows)


def number(value: float | None) -> str:
    """Three digits that say something."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"
