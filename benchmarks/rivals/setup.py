"""Installs the rivals into `benchmarks/.rivals`, which git ignores; nothing else on the machine changes.

Debian's packages are downloaded and unpacked, not installed; Python's go into a virtual environment of their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.series import HERE

HOME = HERE / ".rivals"
ROOT = HOME / "root"
PYTHON = HOME / "venv" / "bin" / "python"
DEBIAN = ("subversion", "git-lfs", "restic", "rsync")
PYPI = ("dvc>=3.60,<4", "hf-xet>=1.1,<2", "py-spy>=0.4,<1")


def programs() -> Path:
    """Where the unpacked packages keep their commands."""
    return ROOT / "usr" / "bin"


def libraries() -> str:
    """The search path of shared libraries for those commands."""
    return ":".join(str(path) for path in sorted((ROOT / "usr" / "lib").glob("*-linux-gnu")))


def install_debian() -> None:
    """Download the packages with what they need and unpack them. Raises CalledProcessError."""
    archives = HOME / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    # `--reinstall`: what the machine has already would not be downloaded otherwise.
    fetch = ("apt-get", "install", "--yes", "--download-only", "--reinstall", "--no-install-recommends")
    subprocess.run([*fetch, "-o", f"Dir::Cache::archives={archives}", *DEBIAN], check=True, stdout=subprocess.DEVNULL)
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "--extract", archive, ROOT], check=True)


def install_python() -> None:
    """Make the virtual environment and install into it. Raises CalledProcessError."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PYPI], check=True)


def main() -> int:
    """Install both kinds; what cannot be had is named, and its rival is left out of the comparison."""
    HOME.mkdir(exist_ok=True)
    failed = []
    for what, install in (("Debian", install_debian), ("PyPI", install_python)):
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as problem:
            failed.append(what)
            print(f"setup: nothing from {what}: {problem}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
