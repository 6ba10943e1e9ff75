"""Secrets that a server makes and tells once."""

from __future__ import annotations

from mlv.cli.running import Run


def tell_secret(run: Run, value: dict[str, object], secret: str, line: str) -> None:
    """The result of an act that may have made a secret ('': none), which is told even with -q."""
    lines = [line, f"secret (shown once): {secret}"] if secret else [line]
    run.result({**value, "secret": secret or None, "dry_run": run.dry_run}, lines)
