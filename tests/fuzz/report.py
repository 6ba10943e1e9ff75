"""What a run found, as a page and as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.engine import Failure, Outcome

_SHOWN_BYTES = 400


@dataclass(frozen=True)
class Session:
    """What a run against a server found; `sent` and `statuses` count by method."""

    sent: dict[str, int]
    statuses: dict[str, dict[str, int]]
    seconds: float
    peak_bytes: int
    start_bytes: int
    memory_limit: int
    verified: bool
    failures: list[Failure]


@dataclass(frozen=True)
class Report:
    """One run: each parser, the codecs on sanitized kernels, the server."""

    seed: int
    parsers: list[Outcome]
    sanitized: list[Outcome]
    session: Session | None

    def failures(self) -> list[Failure]:
        """All failures."""
        found = [failure for outcome in (*self.parsers, *self.sanitized) for failure in outcome.failures]
        return [*found, *(self.session.failures if self.session else [])]

    def write(self, path: Path) -> None:
        """The page at `path`, and JSON beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown())
        path.with_suffix(".json").write_text(json.dumps(asdict(self), indent=1, default=bytes.hex) + "\n")

    def markdown(self) -> str:
        """The page."""
        inputs = sum(outcome.inputs for outcome in self.parsers)
        messages = sum(self.session.sent.values()) if self.session else 0
        parts = [
            "# Fuzzing\n",
            (
                f"Seed {self.seed}: {inputs:,} inputs over {len(self.parsers)} parsers, {messages:,} messages over "
                f"{len(self.session.sent) if self.session else 0} RPCs, {len(self.failures())} failures. "
                f"Python {platform.python_version()}, {os.cpu_count()} cores. `tests/fuzz` says what is checked.\n"
            ),
        ]
        if self.parsers:
            parts += ["## Parsers\n", *_table(self.parsers)]
        if self.sanitized:
            parts += ["## Codecs on kernels with address and undefined-behaviour sanitizers\n", *_table(self.sanitized)]
        if self.session:
            parts += _session(self.session)
        if self.failures():
            parts.append("## Failures\n")
        for failure in self.failures():
            shown = failure.data[:_SHOWN_BYTES].hex() + ("..." if len(failure.data) > _SHOWN_BYTES else "")
            parts.append(f"- **{failure.target}**: {failure.signature}, {len(failure.data)} bytes: `{shown}`\n")
        return "\n".join(parts)


def _table(outcomes: list[Outcome]) -> list[str]:
    rows = [
        (
            "| parser | inputs | inputs/s | accepted | lines | steps between lines | corpus | slowest, ms | peak MiB "
            "| failures |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {o.target} | {o.inputs:,} | {o.inputs / max(o.seconds, 1e-9):,.0f} | {o.accepted / max(o.inputs, 1):.0%} | "
        f"{o.lines:,} | {o.steps:,} | {o.kept:,} | {o.slowest_seconds * 1000:,.0f} | "
        f"{o.peak_bytes / 1024:,.0f} | {len(o.failures)} |"
        for o in outcomes
    ]
    return ["\n".join(rows) + "\n"]


def _session(session: Session) -> list[str]:
    rows = ["| method | messages | answers |", "|---|---|---|"]
    for method, sent in sorted(session.sent.items()):
        told = ", ".join(f"{status} {count:,}" for status, count in sorted(session.statuses[method].items()))
        rows.append(f"| {method.removeprefix('mlv.v1.')} | {sent:,} | {told} |")
    mebibytes = [value / 2**20 for value in (session.start_bytes, session.peak_bytes, session.memory_limit)]
    return [
        "## Messages to a real server\n",
        (
            f"{sum(session.sent.values()) / session.seconds:,.0f} messages/s; the server held {mebibytes[0]:,.0f} MiB "
            f"at the start and {mebibytes[1]:,.0f} MiB at most (bound {mebibytes[2]:,.0f}); afterwards a commit and a "
            f"checkout worked, and `verify` found {'nothing wrong' if session.verified else 'DAMAGE'}.\n"
        ),
        "\n".join(rows) + "\n",
    ]
