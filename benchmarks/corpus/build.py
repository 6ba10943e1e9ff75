"""Builds the corpus: an environment of its own, the pinned wheels, then every series that is not there yet."""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.series import CORPUS, DATA_SERIES, HERE, MODEL_SERIES, Series, chosen

ENVIRONMENT = HERE / ".venv"
PINS = HERE / "corpus"


def builders_python() -> Path:
    """The interpreter of the builders' environment, which is made where it is missing or its pins changed."""
    python = ENVIRONMENT / "bin" / "python"
    pins = (PINS / "requirements.txt").read_text(encoding="utf-8")
    stamp = ENVIRONMENT / "installed.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != pins:
        if not python.exists():
            venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", PINS / "requirements.txt"], check=True)
        stamp.write_text(pins, encoding="utf-8")
    return python


def fetched_wheels(python: Path) -> Path:
    """The folder of the pinned wheels; pip checks the hash of each that it fetches."""
    folder = CORPUS / "wheels"
    pins = (PINS / "wheels.txt").read_text(encoding="utf-8")
    stamp = folder / "fetched.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != pins:
        folder.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            python,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
        ]
        subprocess.run([*command, "-d", folder, "-r", PINS / "wheels.txt"], check=True)
        stamp.write_text(pins, encoding="utf-8")
    return folder


def build(wanted: list[Series], scale: float = 1.0) -> None:
    """Make the wanted series that are not complete. Raises CalledProcessError where a builder fails."""
    missing = [series.name for series in wanted if not series.complete]
    if not missing:
        return
    python = builders_python()
    wheels = fetched_wheels(python)
    for module, known in (("make_datasets", DATA_SERIES), ("make_models", MODEL_SERIES)):
        names = [name for name in missing if name in known]
        if names:
            command: list[str | Path] = [
                python,
                "-m",
                f"benchmarks.corpus.{module}",
                "--wheels",
                wheels,
                "--out",
                CORPUS,
            ]
            scaling = ["--scale", str(scale)] if module == "make_datasets" else []
            subprocess.run([*command, *scaling, "--series", *names], check=True, cwd=HERE.parent)


def main() -> int:
    """Command line of the builder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", nargs="*", help="series to build (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows of the data series")
    options = parser.parse_args()
    build(chosen(options.series), options.scale)
    return 0


if __name__ == "__main__":
    sys.exit(main())
